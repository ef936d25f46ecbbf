// What all parts of the page use: data on demand, elements, times, the theme.
"use strict";
const tspoBench = (() => {
  const contents = new Map();
  const asked = new Map();

  function script(source) {
    if (!asked.has(source)) {
      asked.set(source, new Promise((resolve, reject) => {
        const element = document.createElement("script");
        element.src = source;
        element.onload = resolve;
        element.onerror = () => reject(new Error(`${source} is not in the report's folder`));
        document.head.append(element);
      }));
    }
    return asked.get(source);
  }

  // Data files call give; a page that was opened as a file may not fetch them.
  const give = (name, content) => contents.set(name, content);

  async function need(name) {
    if (!contents.has(name)) await script(`data/${name}.js`);
    return contents.get(name);
  }

  // An element with attributes and children; texts are never markup.
  function el(tag, attributes = {}, ...children) {
    const element = document.createElement(tag);
    fill(element, attributes, children);
    return element;
  }

  function svg(tag, attributes = {}, ...children) {
    const element = document.createElementNS("http://www.w3.org/2000/svg", tag);
    fill(element, attributes, children);
    return element;
  }

  function fill(element, attributes, children) {
    for (const [name, value] of Object.entries(attributes)) {
      if (value !== null && value !== undefined && value !== false) {
        element.setAttribute(name, value === true ? "" : value);
      }
    }
    element.append(...children.flat().filter((child) => child !== null && child !== undefined));
  }

  const hidden = (text) => el("span", { class: "sr" }, text);

  // A text of any length: of a long one the beginning, until all is asked for.
  function longText(text, most = 600) {
    const box = el("span", { class: "long", dir: "auto" });
    if (text.length <= 1.2 * most) {
      box.append(text);
      return box;
    }
    const shown = document.createTextNode(`${text.slice(0, most)}… `);
    const button = el("button", { type: "button", class: "link" },
      `show all ${text.length.toLocaleString("en")} characters`);
    button.addEventListener("click", () => {
      shown.data = text;
      button.remove();
      box.tabIndex = -1;
      box.focus();
    });
    box.append(shown, button);
    return box;
  }

  function clock(seconds) {
    const whole = Math.floor(seconds);
    const two = (number) => String(number).padStart(2, "0");
    const minutes = Math.floor(whole / 60);
    const rest = `${two(whole % 60)}`;
    return minutes < 60
      ? `${minutes}:${rest}`
      : `${Math.floor(minutes / 60)}:${two(minutes % 60)}:${rest}`;
  }

  const percent = (share) => (share === null || share === undefined
    ? "n/a" : `${(100 * share).toFixed(1)}%`);

  const option = (value, text = value) => el("option", { value }, text);

  // Themes: the system's, light, dark, in turn.
  const themes = ["system", "light", "dark"];
  const listeners = [];
  const root = document.documentElement;

  function setTheme(name) {
    if (name === "system") delete root.dataset.theme;
    else root.dataset.theme = name;
    try {
      localStorage.setItem("tspo-bench-theme", name);
    } catch { /* some browsers keep nothing for files */ }
    showTheme();
    listeners.forEach((listener) => listener());
  }

  const showTheme = () => {
    document.querySelector("#theme span").textContent = root.dataset.theme ?? "system";
  };

  document.querySelector("#theme").addEventListener("click", () => {
    const now = themes.indexOf(root.dataset.theme ?? "system");
    setTheme(themes[(now + 1) % themes.length]);
  });
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => {
    listeners.forEach((listener) => listener());
  });
  showTheme();

  const onTheme = (listener) => listeners.push(listener);
  return { give, need, script, el, svg, hidden, longText, clock, percent, option, onTheme };
})();
