// The question browser: filters, the list, and links to single questions.
"use strict";
(async () => {
  const { need, el, hidden, option } = tspoBench;
  const of = (selector) => document.querySelector(selector);
  const [list, article, count] = ["#list", "#question", "#question-count"].map(of);
  const [search, asked, right, wrong, setChoice] = ["#search", "#asked", "#right", "#wrong", "#set"].map(of);
  const PAGE = 150; // rows that are added to the list at once
  const GLYPHS = { "?": "?", "!": "!", w: "•", "-": "·" };
  const collator = new Intl.Collator("en", { numeric: true });
  const state = { number: 0, set: null, columns: [], names: null, matches: [], shown: 0, current: null };

  // Columns with one budget, model, protocol and way to answer are looked at together. What is
  // the same everywhere goes without saying.
  const settingOf = (column) => {
    const differs = (key, within) => new Set(state.set.columns
      .filter((one) => !within || one[within] === column[within])
      .map((one) => one[key])).size > 1;
    const parts = [["model"], ["model_id", "model"], ["protocol"], ["protocol_hash", "protocol"], ["answer"]]
      .filter(([key, within]) => differs(key, within)).map(([key]) => column[key]);
    return [...parts, `K = ${column.budget}`].join(", ");
  };

  const nameOf = (place) => state.names.nameOf(place);

  async function chooseSet(number) {
    state.number = Number(number);
    state.set = await need(`set${number}`);
    state.current = null;
    if (setChoice) setChoice.value = String(number);
    of("#problems").replaceChildren(...state.set.problems.map((text) => el("p", { class: "problem" }, text)));
    const settings = [...new Set(state.set.columns.map(settingOf))];
    asked.replaceChildren(...settings.map((text) => option(text)));
    asked.value = settings.at(-1);
    asked.closest("label").hidden = settings.length < 2;
    of("#groups").replaceChildren(...state.set.groups.map(([name, values], place) => {
      if (values.length < 2 || values.length > 60) return null;
      const select = el("select", { "data-group": place }, option("", "all"),
        values.map((text, value) => option(String(value), text))
          .sort((a, b) => collator.compare(a.textContent, b.textContent)));
      select.addEventListener("input", filter);
      return el("label", {}, `${name} `, select);
    }).filter(Boolean));
    chooseSetting();
  }

  function chooseSetting() {
    const { columns } = state.set;
    state.names = tspoNames(columns, columns.map((_, place) => place)
      .filter((place) => settingOf(columns[place]) === asked.value));
    state.columns = state.names.ordered;
    for (const select of [right, wrong]) {
      const before = select.selectedOptions[0]?.textContent;
      select.replaceChildren(option("", "any sampler"),
        ...state.columns.map((place) => option(String(place), nameOf(place))));
      const same = [...select.options].find((one) => one.textContent === before);
      if (same) select.value = same.value;
    }
    showOrder();
    showPresets();
    filter();
    if (state.current !== null) open(state.current, false);
  }

  // Whose the marks are: a heading above the list, and a line with all the seeds.
  function showOrder() {
    of("#whose").replaceChildren(...state.columns.map((place) => {
      const { places, sampler } = state.names.families.find((one) => one.places.includes(place));
      const isMiddle = places[Math.floor((places.length - 1) / 2)] === place;
      return el("i", { class: state.names.isFirst(place) ? "first" : null, title: nameOf(place) },
        isMiddle ? el("span", {}, sampler) : null);
    }));
    of("#order").replaceChildren(
      el("span", {}, glyph("1"), " right"), el("span", {}, glyph("0"), " wrong"),
      el("span", {}, "? unparsed"), el("span", {}, "! failed"),
      el("ul", { "aria-label": "Samplers, in the order of the marks", role: "list" },
        state.names.listed(state.columns).map((name) => el("li", {}, el("bdi", {}, name)))));
  }

  const glyph = (mark) => ("01".includes(mark) ? el("b", { class: mark === "1" ? "dot r" : "dot" }) : GLYPHS[mark]);

  // The comparison that most readers look for first: what is trained, against uniform sampling.
  function showPresets() {
    const find = (test) => state.columns.find((place) => test(state.set.columns[place].sampler));
    const uniform = find((name) => name === "uniform");
    const trained = find((name) => /^tspo-q\b/.test(name)) ?? find((name) => /^tspo\b/.test(name))
      ?? find((name) => !["uniform", "oracle", "blind"].includes(name));
    const preset = (a, b) => {
      const button = el("button", { type: "button" }, `${nameOf(a)} right, ${nameOf(b)} wrong`);
      button.addEventListener("click", () => {
        [right.value, wrong.value] = [String(a), String(b)];
        filter();
      });
      return button;
    };
    const known = uniform !== undefined && trained !== undefined;
    of("#presets").replaceChildren(...(known ? [preset(trained, uniform), preset(uniform, trained)] : []));
  }

  function filter() {
    const words = search.value.toLowerCase().split(/\s+/).filter(Boolean);
    const groups = [...document.querySelectorAll("#groups select")].filter((one) => one.value !== "")
      .map((one) => [Number(one.dataset.group), Number(one.value)]);
    const { questions, marks } = state.set;
    state.matches = questions.map((_, place) => place).filter((place) => {
      const [id, text, , values] = questions[place];
      const line = `${id} ${text}`.toLowerCase();
      return words.every((word) => line.includes(word))
        && groups.every(([name, value]) => values[name] === value)
        && (right.value === "" || marks[right.value][place] === "1")
        && (wrong.value === "" || !"1w-".includes(marks[wrong.value][place]));
    });
    count.textContent = `${state.matches.length.toLocaleString("en")} of ${questions.length.toLocaleString("en")} questions`;
    state.shown = 0;
    list.lastElementChild.replaceChildren();
    list.scrollTop = 0;
    more();
    // The open question stays open; its place among the others is updated.
    if (state.current !== null) {
      article.querySelector(".neighbours")?.replaceWith(neighbours(state.matches.indexOf(state.current)));
    }
  }

  function more() {
    const next = state.matches.slice(state.shown, state.shown + PAGE);
    state.shown += next.length;
    list.lastElementChild.append(...next.map(item));
  }

  function item(place) {
    const [id, text] = state.set.questions[place];
    const marks = state.columns.map((column) => state.set.marks[column][place]);
    const rightOnes = state.names.listed(state.columns.filter((_, n) => marks[n] === "1"));
    const glyphs = el("span", { class: "marks", "aria-hidden": "true" }, state.columns.map((column, n) => el("i", {
      class: state.names.isFirst(column) ? "first" : null,
      title: `${nameOf(column)}: ${tspoQuestion.VERDICTS[marks[n]]?.[1] ?? "not asked"}`,
    }, glyph(marks[n]))));
    const link = el("a", { href: hashOf(id) },
      el("bdi", { class: "id" }, id), text ? el("bdi", { class: "text" }, text) : null, glyphs,
      hidden(`, right: ${rightOnes.join(", ") || "none"}`));
    if (place === state.current) link.setAttribute("aria-current", "true");
    return el("li", { "data-place": place }, link);
  }

  const hashOf = (id) => `#q=${encodeURIComponent(id)}${state.number ? `&set=${state.number}` : ""}`;

  async function open(place, takesFocus) {
    state.current = place;
    const [id, , shard] = state.set.questions[place];
    const at = state.matches.indexOf(place);
    while (at >= state.shown && state.shown < state.matches.length) more();
    for (const link of list.querySelectorAll("a[aria-current]")) link.removeAttribute("aria-current");
    const link = list.querySelector(`[data-place="${place}"] a`);
    link?.setAttribute("aria-current", "true");
    if (link) reveal(link);
    try {
      const details = (await need(`set${state.number}-${shard}`))[place];
      if (state.current !== place) return; // another question was opened meanwhile
      const { tolerance } = state.set;
      const shown = tspoQuestion.show({ ...details, tolerance }, id, state.names);
      article.replaceChildren(neighbours(at), ...shown);
    } catch (error) {
      article.replaceChildren(el("p", { class: "problem" }, `This question cannot be shown: ${error.message}`));
    }
    if (takesFocus) article.querySelector("h3")?.focus({ preventScroll: true });
  }

  // Scrolls the list alone, never the page.
  function reveal(link) {
    const [box, own] = [list.getBoundingClientRect(), link.getBoundingClientRect()];
    if (own.top < box.top || own.bottom > box.bottom) list.scrollTop += own.top - box.top - box.height / 3;
  }

  function neighbours(at) {
    const to = (place, text) => (place === undefined
      ? el("span", { class: "off" }, text)
      : el("a", { href: hashOf(state.set.questions[place][0]) }, text));
    const where = at < 0 ? "not among the filtered" : `${at + 1} of ${state.matches.length}`;
    return el("p", { class: "neighbours" },
      to(at > 0 ? state.matches[at - 1] : undefined, "← previous"), el("span", {}, where),
      to(at < 0 ? state.matches[0] : state.matches[at + 1], "next →"));
  }

  // A link to a question: its set is loaded if need be, and it is brought into view.
  async function follow() {
    const match = /^#q=([^&]*)(?:&set=(\d+))?$/.exec(location.hash);
    if (!match) return false;
    const number = Number(match[2] ?? 0);
    if (number !== state.number || state.set === null) await chooseSet(number);
    let id = match[1];
    try {
      id = decodeURIComponent(id);
    } catch { /* a stray percent sign: taken as it stands */ }
    const place = state.set.questions.findIndex(([own]) => own === id);
    if (place < 0) {
      article.replaceChildren(el("p", { class: "problem" }, `There is no question ${id}.`));
    } else {
      await open(place, true);
    }
    const top = innerWidth < 900 ? article : of("#questions");
    const box = top.getBoundingClientRect();
    if (box.top < 0 || box.top > innerHeight / 2) top.scrollIntoView();
    return true;
  }

  list.addEventListener("scroll", () => {
    if (list.scrollTop + list.clientHeight > list.scrollHeight - 600) more();
  }, { passive: true });
  setChoice?.addEventListener("input", () => chooseSet(setChoice.value).then(openFirst));
  asked.addEventListener("input", chooseSetting);
  for (const control of [search, right, wrong]) control.addEventListener("input", filter);
  of("#swap").addEventListener("click", () => {
    [right.value, wrong.value] = [wrong.value, right.value];
    filter();
  });
  of("#clear").addEventListener("click", () => {
    for (const select of [right, wrong, ...document.querySelectorAll("#groups select")]) select.value = "";
    search.value = "";
    filter();
  });
  addEventListener("hashchange", follow);

  const openFirst = () => (state.matches.length ? open(state.matches[0], false) : null);

  try {
    if (await follow()) return;
    await chooseSet(0);
    // The first question's details are loaded when its article comes into view.
    new IntersectionObserver((entries, watch) => {
      if (!entries.some((entry) => entry.isIntersecting)) return;
      watch.disconnect();
      if (state.current === null) openFirst();
    }, { rootMargin: "200px" }).observe(article);
  } catch (error) {
    article.replaceChildren(el("p", { class: "problem" }, error.message));
  }
})();
