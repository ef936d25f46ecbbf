// The leaderboard: its tables sort by any column and are filtered together.
"use strict";
(() => {
  const collator = new Intl.Collator("en", { numeric: true });

  // Numbers by size, names by the alphabet; what has no key comes last either way.
  function compare(a, b, descending) {
    if (a === null || b === null) return (a === null) - (b === null);
    const [x, y] = [Number(a), Number(b)];
    const order = Number.isNaN(x) || Number.isNaN(y) ? collator.compare(a, b) : x - y;
    return descending ? -order : order;
  }

  function sort(table, heading) {
    const place = heading.cellIndex;
    const isName = heading.classList.contains("text");
    const before = heading.getAttribute("aria-sort");
    // Figures begin with the highest, names with the first.
    const first = isName ? "ascending" : "descending";
    const second = isName ? "descending" : "ascending";
    const direction = before === first ? second : first;
    for (const other of table.tHead.rows[0].cells) {
      if (other.hasAttribute("aria-sort")) other.setAttribute("aria-sort", "none");
    }
    heading.setAttribute("aria-sort", direction);
    const body = table.tBodies[0];
    const rows = [...body.rows];
    const key = new Map(rows.map((row) => [row, row.cells[place].getAttribute("data-key")]));
    rows.sort((a, b) => compare(key.get(a), key.get(b), direction === "descending"));
    body.classList.add("sorted"); // rows of one budget no longer stand together
    body.append(...rows);
  }

  for (const table of document.querySelectorAll("table.sortable")) {
    for (const button of table.tHead.querySelectorAll("button")) {
      button.addEventListener("click", () => sort(table, button.closest("th")));
    }
  }

  const text = document.querySelector("#board-text");
  const budget = document.querySelector("#board-budget");
  const chosen = document.querySelector("#board-table");
  const count = document.querySelector("#board-count");

  function filter() {
    const words = text.value.toLowerCase().split(/\s+/).filter(Boolean);
    let [shown, all] = [0, 0];
    for (const board of document.querySelectorAll(".board")) {
      const isChosen = !chosen || chosen.value === "" || chosen.value === board.dataset.table;
      let inBoard = 0;
      for (const row of board.querySelector("tbody").rows) {
        const name = row.cells[0].textContent.toLowerCase();
        const passes = isChosen && words.every((word) => name.includes(word))
          && (budget.value === "" || budget.value === row.dataset.budget);
        row.hidden = !passes;
        inBoard += passes;
        all += 1;
      }
      board.hidden = inBoard === 0;
      shown += inBoard;
    }
    count.textContent = `${shown} of ${all} rows`;
  }

  // Where columns are out of sight, a line above the table and a shadow at its edge say so.
  const sizes = new ResizeObserver((entries) => {
    for (const { target } of entries) {
      target.previousElementSibling.hidden = target.scrollWidth <= target.clientWidth + 1;
    }
  });
  document.querySelectorAll(".board .scroll").forEach((box) => sizes.observe(box));

  for (const control of [text, budget, chosen]) control?.addEventListener("input", filter);
  filter();
})();
