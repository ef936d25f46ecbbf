// Draws a chart by Vega-Lite when it comes into view, and again when another choice is made.
"use strict";
(async () => {
  const { need, script, el, option } = tspoBench;
  const { tables, charts, colours } = await need("charts");
  const of = (selector) => document.querySelector(selector);
  const [score, cost, group, budget, map, highlight] = [
    "#score", "#cost-measure", "#group", "#group-budget", "#map", "#highlight"].map(of);
  const choices = [...document.querySelectorAll("select.comparison")];
  const figures = [...document.querySelectorAll("figure.chart")];
  const views = new Map();
  const drawn = new Set();
  let table = "0";

  // The name of the chart that a figure shows now.
  const names = {
    budget: () => `budget-${table}-${score.value}`,
    cost: () => `cost-${table}-${score.value}-${cost.value}`,
    category: () => `category-${table}-${score.value}-${group.value}-${budget.value}`,
    depth: () => `depth-${map.value}`,
    training: () => "training",
    evidence: () => "evidence",
  };
  const specOf = (figure) => charts[names[figure.dataset.chart]()];

  // A specification for a width, in colours that follow the theme.
  function fitted(spec, width) {
    let text = JSON.stringify(spec);
    for (const [name, hex] of Object.entries(colours)) {
      text = text.replaceAll(`"${hex}"`, `"var(--${name})"`);
    }
    const own = { ...JSON.parse(text), background: "transparent" };
    own.config.legend.columns = Math.max(1, Math.floor(width / 130));
    if (!own.facet) return { ...own, width, autosize: { type: "fit-x", contains: "padding" } };
    const { field } = own.spec.layer.at(-1).encoding.y;
    const lengths = own.datasets.rows.map((row) => String(row[field]).length);
    const left = Math.min(190, 50 + 6 * Math.max(...lengths)); // pixels for the names
    const room = Math.max(120, width - left);
    const most = Math.min(own.columns, own.facet.sort.length);
    own.columns = Math.max(1, Math.min(most, Math.floor(room / (own.spec.width + 20))));
    own.spec.width = Math.floor(room / own.columns) - 20;
    return own;
  }

  const embed = (element, spec) => vegaEmbed(element, spec, {
    actions: false, ast: true, renderer: "svg", defaultStyle: false, tooltip: { theme: "custom" },
  });

  async function draw(figure) {
    const live = figure.querySelector(".live");
    await script("assets/vega.js");
    live.hidden = false;
    figure.classList.add("is-live");
    views.get(figure)?.finalize();
    const { view } = await embed(live, fitted(specOf(figure), figure.clientWidth));
    views.set(figure, view);
    live.setAttribute("role", "img");
    live.setAttribute("aria-label", figure.querySelector(".drawn").alt);
    show(view);
    if (figure.querySelector("details").open) showTable(figure);
  }

  const show = (view) => view.signal("highlight", highlight.value).runAsync();

  function stress(name) {
    highlight.value = highlight.value === name ? "" : name;
    views.forEach(show);
  }

  function showTable(figure) {
    const spec = specOf(figure);
    const caption = figure.querySelector("figcaption").textContent;
    const [rows] = Object.values(spec.datasets);
    const { columns } = spec.usermeta;
    const cell = (row, [field], place) => el(place ? "td" : "th",
      place ? {} : { scope: "row", class: "text" }, String(row[field] ?? "n/a"));
    const box = figure.querySelector("details .scroll");
    box.replaceChildren(el("table", { class: "figures" }, el("caption", { class: "sr" }, caption),
      el("thead", {}, el("tr", {}, columns.map(([, text]) => el("th", { scope: "col" }, text)))),
      el("tbody", {}, rows.map((row) => el("tr", {}, columns.map((one, n) => cell(row, one, n)))))));
    box.setAttribute("aria-label", `Data: ${caption}`);
  }

  // As a file in the colours of paper, with the sampler that is highlighted.
  async function save(figure, kind) {
    const { view } = await embed(el("div"), specOf(figure));
    await show(view);
    const link = el("a", { href: await view.toImageURL(kind, 2), download: `${names[figure.dataset.chart]()}.${kind}` });
    link.click();
    view.finalize();
  }

  const again = (...kinds) => figures
    .filter((one) => drawn.has(one) && !one.hidden && (!kinds.length || kinds.includes(one.dataset.chart)))
    .forEach(draw);

  function offer(select, values) {
    const before = select.value;
    select.replaceChildren(...values.map(([value, text]) => option(value, text)));
    if (values.some(([value]) => String(value) === before)) select.value = before;
    select.closest("label").hidden = values.length < 2;
  }

  function choose(place) {
    table = place;
    choices.forEach((select) => { select.value = place; });
    const { names: samplers, scores, costs, groups, budgets } = tables[place];
    offer(score, scores);
    offer(cost, costs);
    offer(highlight, [["", "none"], ...samplers.map((name) => [name, name])]);
    if (group) {
      offer(group, [...groups.entries()]);
      offer(budget, [...budgets.entries()].reverse());
    }
    // Not every table has costs or groups.
    figures.forEach((figure) => { figure.hidden = !specOf(figure); });
    again("budget", "cost", "category");
  }

  for (const figure of figures) {
    figure.querySelector("details").addEventListener("toggle", () => showTable(figure));
    for (const button of figure.querySelectorAll("button")) {
      button.addEventListener("click", () => save(figure, button.dataset.kind));
    }
    figure.querySelector(".live").addEventListener("click", ({ target }) => {
      if (target.closest(".role-legend-label, .role-legend-symbol")) stress(target.__data__.datum.value);
    });
  }
  choices.forEach((select) => select.addEventListener("input", () => choose(select.value)));
  score.addEventListener("input", () => again("budget", "cost", "category"));
  highlight.addEventListener("input", () => views.forEach(show));
  cost.addEventListener("input", () => again("cost"));
  for (const select of [group, budget]) select?.addEventListener("input", () => again("category"));
  map?.addEventListener("input", () => again("depth"));
  choose("0");

  const watch = new IntersectionObserver((entries) => {
    for (const { target } of entries.filter((one) => one.isIntersecting)) {
      watch.unobserve(target);
      drawn.add(target);
      draw(target);
    }
  }, { rootMargin: "300px" });
  figures.forEach((figure) => watch.observe(figure));
  let waiting;
  addEventListener("resize", () => {
    clearTimeout(waiting);
    waiting = setTimeout(again, 200);
  });
})();
