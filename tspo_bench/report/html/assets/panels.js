// Charts of several panels: categories, maps of depth and length, training.
"use strict";
const tspoPanels = (() => {
  const {
    axis, layout, accuracyAxis, whiskers, tableOf, intervalText, plain, points, round, colour, colourOf, symbolOf,
    strength,
  } = tspoCharts;

  function category(comparison, look, group, budget) {
    const values = comparison.groups[group] ?? [];
    const bars = comparison.bars.filter((bar) => bar.budget === budget);
    const drawn = (comparison.crowded ? dots : beside)(bars, values, look, group);
    return {
      ...drawn,
      table: tableOf([group, "n", ...bars.map((bar) => bar.name)], values.map((value) => [
        value, String(most(bars, group, value)), ...bars.map((bar) => {
          const entry = bar.groups[group]?.[value];
          return entry ? `${round(points(entry.accuracy))} (${intervalText(entry)})` : "n/a";
        })])),
    };
  }

  const most = (bars, group, value) => Math.max(0, ...bars.map((bar) => bar.groups[group]?.[value]?.n ?? 0));

  // Bars beside each other, as long as they can be told apart.
  function beside(bars, values, { styles, chosen }, group) {
    const isTall = values.length > 12;
    const data = bars.map((bar) => {
      const own = values.map((value) => bar.groups[group]?.[value] ?? {});
      const shares = own.map((entry) => points(entry.accuracy));
      const error = { ...whiskers(own.map((e) => (e.accuracy === undefined ? { ci95: null } : e))) };
      error.color = colour("whisker");
      const color = colourOf(styles[bar.name]);
      const marker = bar.is_bound ? { color: colour("paper"), line: { color, width: 1.2 } } : { color };
      const along = values.map(plain);
      const text = own.map((entry) => `n = ${entry.n ?? 0}`);
      const shared = { type: "bar", name: plain(bar.name), meta: bar.name, marker, text, textposition: "none", opacity: strength(bar.name, chosen) };
      const hover = (value) => `<b>${plain(bar.name)}</b><br>%{${value}:.1f}%, %{text}<extra></extra>`;
      return isTall
        ? { ...shared, orientation: "h", y: along, x: shares, error_x: error, hovertemplate: hover("x") }
        : { ...shared, x: along, y: shares, error_y: error, hovertemplate: hover("y") };
    });
    const names = axis({ gridcolor: "rgba(0,0,0,0)", type: "category" });
    const legend = { orientation: "h", y: 1.02, yanchor: "bottom", x: 0 };
    return {
      data,
      height: isTall ? 120 + values.length * (10 + 9 * bars.length) : 400,
      layout: layout({
        legend,
        margin: { l: 48, r: 12, t: 36, b: 44 },
        bargap: 0.22,
        bargroupgap: 0.08,
        xaxis: isTall ? accuracyAxis() : names,
        yaxis: isTall ? { ...names, autorange: "reversed" } : accuracyAxis(),
      }),
    };
  }

  // Of many samplers a panel a value: a row for each, and a line where the baseline stands.
  function dots(bars, values, { styles, chosen, width }, group) {
    const longest = Math.max(0, ...bars.map((bar) => Math.min(bar.name.length, 40)));
    const names = Math.min(22 + 6.4 * longest, 0.45 * width); // pixels
    const fitting = Math.max(1, Math.min(5, Math.floor((width - names) / 200)));
    const rows = Math.ceil(values.length / fitting);
    const columns = Math.ceil(values.length / rows);
    const drawn = {
      grid: { rows, columns, pattern: "independent", xgap: 0.08, ygap: 46 / (bars.length * 16 + 46) },
      margin: { l: names, r: 14, t: 26, b: 30 },
      annotations: [],
      shapes: [],
      showlegend: false,
    };
    const data = values.map((value, place) => {
      const suffix = place ? String(place + 1) : "";
      drawn[`xaxis${suffix}`] = axis({ range: [0, 100], tickvals: [20, 40, 60, 80], tickfont: { size: 11 } });
      drawn[`yaxis${suffix}`] = axis({
        range: [bars.length - 0.4, -0.6], tickvals: bars.map((_, row) => row), tickfont: { size: 11 },
        ticktext: bars.map((bar) => plain(bar.name)), showticklabels: place % columns === 0, automargin: false,
        gridcolor: "rgba(0,0,0,0)",
      });
      drawn.annotations.push(titleOf(`<b>${plain(value)}</b> (n = ${most(bars, group, value)})`, suffix));
      const own = bars.map((bar) => bar.groups[group]?.[value] ?? { accuracy: null, ci95: null, n: 0 });
      const level = bars.findIndex((bar) => bar.is_baseline);
      if (level >= 0 && own[level].accuracy !== null) {
        const x = points(own[level].accuracy);
        drawn.shapes.push({
          type: "line", xref: `x${suffix}`, yref: `y${suffix} domain`, x0: x, x1: x, y0: 0, y1: 1,
          line: { color: colour("neutral"), width: 1, dash: "dot" },
        });
      }
      return {
        type: "scatter", mode: "markers", cliponaxis: false, x: own.map((entry) => points(entry.accuracy)),
        y: bars.map((_, row) => row), xaxis: `x${suffix}`, yaxis: `y${suffix}`,
        error_x: { ...whiskers(own), color: colour("rule"), width: 0, thickness: 1.4 },
        marker: {
          size: 8, opacity: bars.map((bar) => strength(bar.name, chosen)),
          color: bars.map((bar) => colourOf(styles[bar.name])), symbol: bars.map((bar) => symbolOf(styles[bar.name])),
        },
        text: own.map((entry, row) => `<b>${plain(bars[row].name)}</b>, ${plain(value)}<br>${
          round(points(entry.accuracy))}% (${intervalText(entry)}), n = ${entry.n}`),
        hovertemplate: "%{text}<extra></extra>",
      };
    });
    return { data, height: 30 + rows * (46 + bars.length * 16), layout: layout(drawn) };
  }

  // What stands above a panel.
  const titleOf = (text, suffix) => ({
    text, showarrow: false, xref: `x${suffix} domain`, yref: `y${suffix} domain`, x: 0, y: 1, yshift: 2,
    xanchor: "left", yanchor: "bottom",
  });

  function depth(map, width) {
    const names = Object.keys(map.shares);
    const columns = Math.min(names.length, width < 700 ? 2 : 6);
    const rows = Math.ceil(names.length / columns);
    const height = 40 + rows * (60 + 26 * map.depths.length);
    const isWide = width / columns / map.lengths.length > 90; // room for n in a cell
    const drawn = {
      grid: { rows, columns, pattern: "independent", xgap: 0.08, ygap: 0.28 },
      margin: { l: 60, r: 12, t: 30, b: 30 },
      annotations: [],
      coloraxis: {
        cmin: 0, cmax: 100, colorscale: "Cividis",
        colorbar: {
          title: { text: "%", side: "top" }, thickness: 10, outlinewidth: 0, lenmode: "pixels",
          len: Math.min(320, height - 40), y: 1, yanchor: "top",
        },
      },
    };
    const data = names.map((name, place) => {
      const suffix = place ? String(place + 1) : "";
      drawn[`xaxis${suffix}`] = axis({ type: "category", tickfont: { size: 11 } });
      drawn[`yaxis${suffix}`] = axis({
        type: "category", autorange: "reversed", tickfont: { size: 11 },
        showticklabels: place % columns === 0,
      });
      drawn.annotations.push(titleOf(`<b>${plain(name)}</b>`, suffix));
      const z = map.shares[name].map((row) => row.map(([, share]) => points(share)));
      return {
        type: "heatmap", x: map.lengths.map(plain), y: map.depths.map(plain), z,
        xaxis: `x${suffix}`, yaxis: `y${suffix}`, coloraxis: "coloraxis", xgap: 1, ygap: 1,
        text: map.shares[name].map((row) => row.map(([n]) => `n = ${n}`)),
        texttemplate: map.even || !isWide ? "%{z:.0f}" : "%{z:.0f} <span style='font-size:9px'>%{text}</span>", textfont: { size: 11 },
        hovertemplate: `<b>${plain(name)}</b><br>%{y}, %{x}<br>%{z:.1f}%, %{text}<extra></extra>`,
      };
    });
    return {
      data,
      height,
      layout: layout(drawn),
      note: `${map.counts}.`,
      table: tableOf(["sampler", "depth", ...map.lengths], names.flatMap((name) => (
        map.depths.map((at, row) => [name, at, ...map.shares[name][row].map(
          ([n, share]) => `${round(points(share))} (n = ${n})`)])))),
    };
  }

  function training(logs, measures, width) {
    const shown = Object.keys(measures).filter((key) => logs.some((log) => key in log.curves));
    const columns = width < 700 ? 1 : Math.min(3, shown.length);
    const rows = Math.ceil(shown.length / columns);
    const drawn = {
      grid: { rows, columns, pattern: "independent", xgap: 0.1, ygap: 0.3 },
      margin: { l: 44, r: 12, t: 28, b: 30 },
      annotations: [],
    };
    const data = shown.flatMap((measure, place) => {
      const suffix = place ? String(place + 1) : "";
      drawn[`xaxis${suffix}`] = axis({ rangemode: "tozero" });
      drawn[`yaxis${suffix}`] = axis();
      drawn.annotations.push(titleOf(measures[measure], suffix));
      return logs.map((log) => ({
        type: "scatter", mode: "lines", name: plain(log.name), legendgroup: log.name,
        showlegend: place === 0, x: (log.curves[measure] ?? []).map(([step]) => step),
        y: (log.curves[measure] ?? []).map(([, value]) => value),
        xaxis: `x${suffix}`, yaxis: `y${suffix}`,
        line: { color: colourOf(log.style), width: 1.4, dash: log.style.dash },
        hovertemplate: `${plain(log.name)}<br>step %{x}: %{y:.4~g}<extra></extra>`,
      }));
    });
    const last = (log, measure) => (log.curves[measure] ?? []).at(-1)?.[1] ?? null;
    return {
      data,
      height: 90 + rows * 210,
      layout: layout({
        ...drawn,
        margin: { l: 44, r: 12, t: 28, b: 70 },
        legend: { orientation: "h", yref: "container", y: 0, yanchor: "bottom", x: 0 },
      }),
      table: tableOf(["run", ...shown.map((key) => `${measures[key]}, last`)], logs.map((log) => [
        log.name, ...shown.map((key) => round(last(log, key), 3))])),
    };
  }

  return { category, depth, training };
})();
