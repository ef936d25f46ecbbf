// Draws a chart when it comes into view, and again when what it shows is chosen anew.
"use strict";
(async () => {
  const { need, script, el, onTheme } = tspoBench;
  const figures = await need("figures");
  const of = (selector) => document.querySelector(selector);
  const [measure, group, groupBudget, map, highlight] = [
    "#measure", "#group", "#group-budget", "#map", "#highlight"].map(of);
  const choices = [...document.querySelectorAll("select.comparison")];
  const drawn = new Set();
  let chosen = 0;

  const comparison = () => figures.comparisons[chosen];

  const lookAt = (width) => ({ styles: figures.styles, chosen: highlight.value, width });

  // What a chart of this width shows now, and the name of the same figure by matplotlib.
  const kinds = {
    budget: (width) => ({ ...tspoCharts.budget(comparison(), lookAt(width)), file: `budget-${chosen}` }),
    cost: (width) => {
      const place = Object.keys(comparison().fronts).indexOf(measure.value);
      const chart = tspoCharts.cost(comparison(), lookAt(width), measure.value);
      return { ...chart, file: `cost-${chosen}-${place}` };
    },
    category: (width) => {
      const place = Object.keys(comparison().groups).indexOf(group.value);
      const chart = tspoPanels.category(comparison(), lookAt(width), group.value, groupBudget.value);
      const budget = comparison().budgets.indexOf(groupBudget.value);
      return { ...chart, file: `category-${chosen}-${place}-${budget}` };
    },
    depth: (width) => ({ ...tspoPanels.depth(figures.maps[map.value], width), file: `depth-${map.value}` }),
    training: (width) => ({
      ...tspoPanels.training(figures.training, figures.measures, width), file: "training",
    }),
  };

  // Not every table has costs or groups: where it has none, there is nothing to draw.
  const isThere = (figure) => {
    const select = { cost: measure, category: group }[figure.dataset.chart];
    return !select || select.value !== "";
  };

  function showTable(figure, table) {
    const heads = table.headings.map((heading) => el("th", { scope: "col" }, heading));
    const rows = table.rows.map((row) => el("tr", {}, row.map((text, place) => (
      el(place ? "td" : "th", place ? {} : { scope: "row", class: "text" }, text)))));
    const box = figure.querySelector("details .scroll");
    box.replaceChildren(el("table", { class: "figures" },
      el("caption", { class: "sr" }, figure.querySelector("figcaption").textContent),
      el("thead", {}, el("tr", {}, heads)), el("tbody", {}, rows)));
    box.tabIndex = 0;
    box.setAttribute("role", "region");
    box.setAttribute("aria-label", `Data: ${figure.querySelector("figcaption").textContent}`);
  }

  // The drawn figure takes as much room as the live one will: nothing moves when that comes.
  function prepare(figure) {
    const chart = kinds[figure.dataset.chart](figure.clientWidth);
    const [drawn, live] = [".drawn", ".live"].map((one) => figure.querySelector(one));
    drawn.src = `plots/${chart.file}.svg`;
    drawn.style.height = `${chart.height}px`;
    live.style.height = `${chart.height}px`;
    for (const kind of ["svg", "png"]) figure.querySelector(`a.${kind}`).href = `plots/${chart.file}.${kind}`;
    return [chart, live];
  }

  async function draw(figure) {
    const [chart, live] = prepare(figure);
    showTable(figure, chart.table);
    figure.querySelector(".note").textContent = chart.note ?? "";
    await script("assets/plotly.min.js");
    live.hidden = false;
    figure.classList.add("is-live");
    await Plotly.react(live, chart.data, chart.layout, { displayModeBar: false, responsive: true });
    // A name in the legend highlights its sampler; Plotly's own way would hide it.
    live.removeAllListeners("plotly_legendclick");
    live.on("plotly_legendclick", ({ data, curveNumber }) => {
      const name = data[curveNumber].meta;
      if (name === undefined) return true;
      highlight.value = highlight.value === name ? "" : name;
      again("budget", "cost", "category");
      return false;
    });
    live.removeAllListeners("plotly_legenddoubleclick");
    live.on("plotly_legenddoubleclick", () => false);
    live.setAttribute("role", "img");
    live.setAttribute("aria-label", figure.querySelector(".drawn").alt);
  }

  const watch = new IntersectionObserver((entries) => {
    for (const entry of entries.filter((one) => one.isIntersecting)) {
      watch.unobserve(entry.target);
      drawn.add(entry.target);
      draw(entry.target);
    }
  }, { rootMargin: "300px" });
  const all = [...document.querySelectorAll("figure.chart")];

  const again = (...names) => all
    .filter((figure) => drawn.has(figure) && !figure.hidden && (!names.length || names.includes(figure.dataset.chart)))
    .forEach(draw);

  function offer(select, values) {
    const before = select.value;
    select.replaceChildren(...values.map((value) => tspoBench.option(value)));
    if (values.includes(before)) select.value = before;
    select.closest("label").hidden = values.length < 2;
  }

  function choose(place) {
    chosen = Number(place);
    choices.forEach((select) => { select.value = place; });
    offer(measure, Object.keys(comparison().fronts));
    offer(highlight, ["", ...comparison().names]);
    highlight.options[0].textContent = "none";
    if (group) {
      offer(group, Object.keys(comparison().groups));
      offer(groupBudget, [...comparison().budgets].reverse());
    }
    all.forEach((figure) => { figure.hidden = !isThere(figure); });
    all.filter((figure) => !figure.hidden && !drawn.has(figure)).forEach(prepare);
    again("budget", "cost", "category");
  }

  choices.forEach((select) => select.addEventListener("input", () => choose(select.value)));
  highlight.addEventListener("input", () => again("budget", "cost", "category"));
  measure?.addEventListener("input", () => again("cost"));
  for (const select of [group, groupBudget]) select?.addEventListener("input", () => again("category"));
  map?.addEventListener("input", () => again("depth"));
  choose(0);
  all.forEach((figure) => watch.observe(figure));
  onTheme(() => again());
})();
