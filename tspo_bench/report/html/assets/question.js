// One question in detail: what was asked, where every sampler looked, what was answered.
"use strict";
const tspoQuestion = (() => {
  const { el, svg, hidden, longText, clock, percent } = tspoBench;
  const WIDTH = 1000; // of a lane's drawing; it is stretched to the lane
  const HEIGHT = 40;
  const VERDICTS = {
    1: ["✓", "right"], 0: ["✗", "wrong"], "?": ["?", "unparsed"], "!": ["!", "failed"],
    w: ["•", "no public answer"],
  };

  function levelsOf(curve) {
    const bytes = atob(curve.levels);
    return Array.from(bytes, (byte) => byte.charCodeAt(0));
  }

  // How long the timeline is: the video, or what is known to lie in it.
  function lengthOf(details) {
    const ends = details.answers.flatMap((answer) => answer.seconds ?? []);
    details.evidence.forEach(([, end]) => ends.push(end));
    return Math.max(details.seconds ?? 0, details.seconds ? 0 : Math.max(0, ...ends), 0.001);
  }

  const isEvidence = (details, second) => details.evidence.some(([start, end]) => {
    const slack = (start === end ? details.tolerance : 0) + 1e-3;
    return second >= start - slack && second <= end + slack;
  });

  function curvePath(curve, length) {
    const x = (place) => (Math.min(1, (place * curve.interval) / length) * WIDTH).toFixed(1);
    const y = (level) => (HEIGHT - 2 - (level / 254) * (HEIGHT - 8)).toFixed(1);
    let [path, isOpen] = ["", false];
    levelsOf(curve).forEach((level, place) => {
      if (level === 255) {
        isOpen = false;
        return;
      }
      path += `${isOpen ? "L" : "M"}${x(place)} ${y(level)}`;
      isOpen = true;
    });
    return path;
  }

  // A sampler's lane: evidence, scores, picks.
  function lane(details, answer, length) {
    const at = (second) => ((Math.min(second, length) / length) * WIDTH).toFixed(1);
    const spans = details.evidence.map(([start, end]) => svg("rect", {
      class: "evidence", x: at(start), y: 0, height: HEIGHT,
      width: Math.max(3, at(end) - at(start)).toFixed(1),
    }));
    const curve = answer.curve === undefined ? null : details.curves[answer.curve];
    const picks = (answer.seconds ?? []).map((second, place) => svg("path", {
      class: isEvidence(details, second) ? "pick hit" : "pick",
      d: `M${at(second)} ${curve ? 2 : 8}V${HEIGHT}`, "data-frame": answer.frames[place],
    }, svg("title", {}, `frame ${answer.frames[place]} at ${clock(second)}`)));
    const scored = curve ? `, scores from ${curve.low} to ${curve.high}` : "";
    const hits = (answer.seconds ?? []).filter((second) => isEvidence(details, second)).length;
    const label = `${picks.length} frames picked, ${hits} of them in the evidence${scored}`;
    return svg("svg", {
      class: "lane", viewBox: `0 0 ${WIDTH} ${HEIGHT}`, preserveAspectRatio: "none",
      role: "img", "aria-label": label,
    }, spans, curve ? [svg("path", { class: "curve", d: curvePath(curve, length) })] : [], picks);
  }

  function axis(length) {
    const steps = [1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200];
    const step = steps.find((one) => length / one <= 8) ?? Math.ceil(length / 8);
    const box = el("div", { class: "axis", "aria-hidden": "true" });
    for (let second = 0; second <= length; second += step) {
      const tick = el("span", { class: second > 0.93 * length ? "last" : null }, clock(second));
      tick.style.left = `${(100 * second) / length}%`;
      box.append(tick);
    }
    return box;
  }

  const SHOWN = 66; // pixels that a picture is high

  // A picture is a part of its sheet.
  function picture({ folder, width, height, cell, columns, rows, frames }, frame, label) {
    const place = frames.indexOf(frame);
    const [number, within] = [Math.floor(place / (columns * rows)), place % (columns * rows)];
    const onSheet = Math.min(rows, Math.ceil((frames.length - number * columns * rows) / columns));
    const scale = SHOWN / height;
    const pixels = (...sizes) => sizes.map((size) => `${size * scale}px`).join(" ");
    const element = el("span", { class: "picture", role: "img", "aria-label": label });
    Object.assign(element.style, {
      width: pixels(width),
      height: pixels(height),
      backgroundImage: `url("thumbs/${folder}/${number}.webp")`,
      backgroundSize: pixels(columns * cell[0], onSheet * cell[1]),
      backgroundPosition: pixels(-(within % columns) * cell[0], -Math.floor(within / columns) * cell[1]),
    });
    return element;
  }

  function strip(details, answer, name) {
    const { thumbs } = details;
    const frames = answer.frames ?? [];
    if (!frames.length) return el("p", { class: "hint" }, "no frames");
    const items = frames.map((frame, place) => {
      const second = answer.seconds[place];
      const hit = isEvidence(details, second);
      const label = `frame ${frame} at ${clock(second)}${hit ? ", in the evidence" : ""}`;
      return el("li", { class: hit ? "hit" : null, "data-frame": frame },
        thumbs && picture(thumbs, frame, label),
        el("span", { class: "time", "aria-hidden": thumbs ? "true" : null }, clock(second)));
    });
    return el("ol", {
      class: thumbs ? "strip" : "strip bare", tabindex: 0, role: "list",
      "aria-label": `Frames that ${name} picked`,
    }, items);
  }

  const verdict = (mark) => el("span", { class: `verdict v${VERDICTS[mark] ? VERDICTS[mark][1][0] : ""}` },
    el("span", { "aria-hidden": "true" }, VERDICTS[mark][0]), hidden(VERDICTS[mark][1]));

  function said(answer) {
    return el("div", { class: "said" }, verdict(answer.mark),
      el("b", {}, answer.letter ?? [hidden("no letter"), el("span", { "aria-hidden": "true" }, "–")]), answer.guessed ? el("small", {}, " drawn") : null,
      answer.recall === undefined ? null
        : el("small", { class: "recall" }, el("span", {}, "evidence recall "), percent(answer.recall)));
  }

  function reply(answer) {
    const words = answer.reply ?? answer.error;
    if (words === undefined || words === answer.letter) return null;
    return el("div", { class: answer.error ? "reply error" : "reply" }, longText(words, 160));
  }

  const MANY = 8; // answers: of more, the frames and replies are there when they are asked for
  const opened = new Set(); // whose they are, from question to question

  function row(details, answer, { name, isFirst, isCompact }, length) {
    const [box, head, seen] = ["sampler", "head", "seen"].map((one) => el("div", { class: one }));
    box.setAttribute("role", "group");
    box.setAttribute("aria-label", name);
    box.classList.toggle("again", !isFirst);
    box.append(head, seen);
    head.append(el("h4", { dir: "auto" }, name), said(answer));
    seen.append(lane(details, answer, length));
    let more = [];
    function open(isOpen) {
      more.forEach((part) => part.remove());
      more = isOpen ? [reply(answer), strip(details, answer, name)] : [];
      if (isOpen) seen.append(more[1]);
      if (isOpen && more[0]) head.append(more[0]);
      more = more.filter(Boolean);
    }
    if (isCompact) head.append(toggle(name, open));
    open(!isCompact || opened.has(name));
    const light = (event, isOn) => {
      const frame = event.target.closest("[data-frame]")?.dataset.frame;
      if (frame === undefined) return;
      box.querySelectorAll(`[data-frame="${frame}"]`).forEach((one) => one.classList.toggle("lit", isOn));
    };
    box.addEventListener("pointerover", (event) => light(event, true));
    box.addEventListener("pointerout", (event) => light(event, false));
    return box;
  }

  function toggle(name, open) {
    const button = el("button", { type: "button", class: "toggle", title: `Frames of ${name}` });
    const show = () => {
      button.setAttribute("aria-expanded", String(opened.has(name)));
      button.replaceChildren(el("span", { "aria-hidden": "true" }, opened.has(name) ? "▾" : "▸"),
        hidden(`Frames of ${name}`));
    };
    button.addEventListener("click", () => {
      if (!opened.delete(name)) opened.add(name);
      show();
      open(opened.has(name));
    });
    show();
    return button;
  }

  // Opens the rows of all, or closes them.
  function toggleAll(box) {
    const isOpen = (one) => one.getAttribute("aria-expanded") === "true";
    const button = el("button", { type: "button", class: "link" }, "all frames");
    button.addEventListener("click", () => {
      const toggles = [...box.querySelectorAll(".toggle")];
      const closed = toggles.filter((one) => !isOpen(one));
      (closed.length ? closed : toggles).forEach((one) => one.click());
    });
    return button;
  }

  function options(details, shown, names) {
    if (!details.options.length) {
      return el("p", { class: "gold" }, `Right answer: ${details.gold ?? "withheld"}`);
    }
    return el("ol", { class: "options" }, details.options.map((text, place) => {
      const letter = String.fromCharCode(65 + place);
      const isRight = letter === details.gold;
      const by = names.listed(shown.filter((answer) => answer.letter === letter).map((answer) => answer.column));
      return el("li", { class: isRight ? "right" : null },
        el("b", {}, letter), el("span", { class: "option" }, longText(text, 300),
          isRight ? el("span", { class: "gold" }, " ✓", hidden(" the right answer")) : null),
        by.length ? el("span", { class: "by" }, hidden("chosen by "), by.join(", ")) : null);
    }));
  }

  // The whole of it: answers of the columns that are asked for, the seeds of a sampler together.
  function show(details, id, names) {
    const shown = names.ordered
      .map((column) => details.answers.find((answer) => answer.column === column)).filter(Boolean);
    const length = lengthOf(details);
    const known = details.seconds ? clock(details.seconds) : "length unknown";
    const facts = [id, details.video, known, ...details.groups.map((pair) => pair.join(" "))];
    const isCompact = shown.length > MANY;
    const box = el("div", { class: isCompact ? "samplers compact" : "samplers" },
      shown.map((answer) => row(details, answer, {
        name: names.nameOf(answer.column), isFirst: names.isFirst(answer.column), isCompact,
      }, length)),
      el("div", { class: "sampler foot" }, el("div", { class: "head" }), el("div", { class: "seen" }, axis(length))));
    return [
      el("p", { class: "facts" }, facts.map((text) => el("bdi", {}, text))),
      el("h3", { tabindex: "-1" }, details.text ? longText(details.text, 800) : el("bdi", {}, id)),
      options(details, shown, names),
      el("p", { class: "key" }, key(details, shown), isCompact ? toggleAll(box) : null),
      box,
    ];
  }

  function key(details, shown) {
    const has = (name) => shown.some((answer) => answer[name] !== undefined);
    const part = (name, text) => el("span", { class: name, "aria-hidden": "true" }, text);
    return [
      details.evidence.length ? part("evidence", "evidence") : el("span", {}, "no evidence annotated"),
      part("pick", "picked frame"),
      details.evidence.length ? part("pick hit", "picked in the evidence") : null,
      has("curve") ? part("curve", "score of the candidates") : null,
      has("recall") && shown.length > MANY ? el("span", {}, "%: evidence recall") : null,
    ];
  }

  return { show, VERDICTS };
})();
