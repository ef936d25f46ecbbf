// From a report's figures to what Plotly draws, and to the table of the same numbers.
"use strict";
const tspoCharts = (() => {
  const SYMBOLS = ["circle", "square", "diamond", "triangle-down", "triangle-up", "cross", "star", "x"];
  const NEUTRAL = { uniform: "square-open", oracle: "triangle-up-open", blind: "triangle-down-open" };

  // Names are shown as they are: Plotly reads some markup, which it must not find in them.
  const plain = (text) => {
    const short = text.length > 40 ? `${text.slice(0, 39)}…` : text;
    return short.replace(/&/g, "&amp;").replace(/</g, "&lt;").replace(/>/g, "&gt;");
  };

  const points = (share) => (share === null || share === undefined ? null : 100 * share);
  const round = (number, digits = 1) => (number === null || number === undefined
    ? "n/a" : number.toFixed(digits));

  function colour(name) {
    return getComputedStyle(document.documentElement).getPropertyValue(`--${name}`).trim();
  }

  // A sampler has one colour and mark in all charts.
  function styles(names) {
    const others = names.filter((name) => !(name in NEUTRAL));
    return new Map(names.map((name) => {
      const place = others.indexOf(name);
      if (place < 0) return [name, { color: colour("neutral"), symbol: NEUTRAL[name] }];
      const turn = Math.floor(place / 8);
      return [name, { color: colour(`c${place % 8}`), symbol: SYMBOLS[(place + turn) % 8] }];
    }));
  }

  function whiskers(bars) {
    return {
      type: "data",
      symmetric: false,
      array: bars.map((bar) => (bar.ci95 ? 100 * (bar.ci95[1] - bar.accuracy) : 0)),
      arrayminus: bars.map((bar) => (bar.ci95 ? 100 * (bar.accuracy - bar.ci95[0]) : 0)),
      thickness: 1,
      width: 2,
    };
  }

  function axis(more = {}) {
    return {
      gridcolor: colour("hair"),
      linecolor: colour("rule"),
      tickcolor: colour("rule"),
      zeroline: false,
      automargin: true,
      title: { standoff: 8 },
      ...more,
    };
  }

  function layout(more = {}) {
    return {
      font: { family: "system-ui, sans-serif", size: 12, color: colour("ink") },
      paper_bgcolor: "rgba(0,0,0,0)",
      plot_bgcolor: "rgba(0,0,0,0)",
      margin: { l: 48, r: 12, t: 8, b: 44 },
      hoverlabel: { bgcolor: colour("paper"), bordercolor: colour("rule"), font: { color: colour("ink") } },
      legend: { orientation: "h", y: -0.18, yanchor: "top", x: 0, font: { size: 12 } },
      hovermode: "closest",
      dragmode: false,
      ...more,
    };
  }

  // Ticks of a logarithmic axis: round numbers, and enough of them where the range is narrow.
  function costAxis(costs, text) {
    const [low, high] = [Math.min(...costs), Math.max(...costs)];
    const ticks = [];
    if (high / low > 8) {
      for (let power = Math.floor(Math.log10(low)); power <= Math.ceil(Math.log10(high)); power += 1) {
        for (const digit of high / low > 200 ? [1] : [1, 2, 5]) ticks.push(digit * 10 ** power);
      }
    } else {
      const rough = Math.max((high - low) / 4, low / 10);
      const power = 10 ** Math.floor(Math.log10(rough));
      const step = [1, 2, 5, 10].find((digit) => digit * power >= rough) * power;
      for (let tick = Math.ceil(low / step - 1) * step; tick <= high + step; tick += step) {
        if (tick > 0) ticks.push(tick);
      }
    }
    const margin = Math.max(0.06 * Math.log10(high / low), 0.03);
    return axis({
      type: "log",
      title: { text, standoff: 8 },
      range: [Math.log10(low) - margin, Math.log10(high) + 1.6 * margin],
      tickvals: ticks,
      ticktext: ticks.map((tick) => String(+tick.toPrecision(3))),
    });
  }

  const accuracyAxis = () => axis({ title: { text: "accuracy (%)", standoff: 6 }, range: [0, 100] });

  function line(name, bars, x, style, more) {
    return {
      type: "scatter",
      name: plain(name),
      x,
      y: bars.map((bar) => points(bar.accuracy)),
      error_y: { ...whiskers(bars), color: style.color },
      line: { color: style.color, width: 1.8 },
      marker: { color: style.color, symbol: style.symbol, size: 8 },
      text: bars.map((bar) => `K = ${plain(bar.budget)}`),
      hovertemplate: `<b>${plain(name)}</b><br>%{text}<br>%{y:.1f}%<extra></extra>`,
      ...more,
    };
  }

  const tableOf = (headings, rows) => ({ headings, rows });
  const intervalText = (bar) => (bar.ci95
    ? `${round(points(bar.ci95[0]))} to ${round(points(bar.ci95[1]))}` : "n/a");

  function budget(comparison) {
    const style = styles(comparison.names);
    const known = comparison.bars.filter((bar) => bar.accuracy !== null && bar.frames);
    const ticks = [...new Set(known.map((bar) => bar.frames))].sort((a, b) => a - b);
    // Beside each other rather than upon each other, so that each interval can be seen.
    const aside = (place) => 2 ** ((place - (comparison.names.length - 1) / 2) * 0.016);
    const data = comparison.names.map((name, place) => {
      const bars = known.filter((bar) => bar.name === name).sort((a, b) => a.frames - b.frames);
      const x = bars.map((bar) => bar.frames * aside(place));
      return line(name, bars, x, style.get(name), { mode: "lines+markers" });
    }).filter((trace) => trace.x.length);
    return {
      data,
      height: 400,
      layout: layout({
        xaxis: axis({
          type: "log", title: { text: "frames a question", standoff: 8 },
          tickvals: ticks, ticktext: ticks.map((tick) => String(+tick.toFixed(1))),
        }),
        yaxis: accuracyAxis(),
      }),
      table: tableOf(["sampler", "K", "frames", "accuracy (%)", "95% interval"], known.map((bar) => [
        bar.name, bar.budget, round(bar.frames), round(points(bar.accuracy)), intervalText(bar)])),
    };
  }

  function cost(comparison, measure) {
    const style = styles(comparison.names);
    const known = comparison.bars.filter((bar) => bar.accuracy !== null && measure in bar.costs);
    const front = (comparison.fronts[measure] ?? []).map((place) => comparison.bars[place]);
    const unit = measure.includes("questions") ? measure : `${measure} a question`;
    const data = [{
      type: "scatter", mode: "lines", name: "front",
      x: front.map((bar) => bar.costs[measure]), y: front.map((bar) => points(bar.accuracy)),
      line: { color: colour("neutral"), width: 1.5, dash: "dot", shape: "hv" }, hoverinfo: "skip",
    }].concat(comparison.names.map((name) => {
      const bars = known.filter((bar) => bar.name === name);
      return line(name, bars, bars.map((bar) => bar.costs[measure]), style.get(name), {
        mode: "markers+text",
        text: bars.map((bar) => plain(bar.budget)),
        textposition: "top right",
        textfont: { size: 10, color: colour("muted") },
        hovertemplate: `<b>${plain(name)}</b>, K = %{text}<br>%{y:.1f}%<br>%{x:.3~g} ${unit}<extra></extra>`,
      });
    }).filter((trace) => trace.x.length));
    return {
      data,
      height: 400,
      layout: layout({
        xaxis: costAxis(known.map((bar) => bar.costs[measure]), unit),
        yaxis: accuracyAxis(),
      }),
      table: tableOf(["sampler", "K", unit, "accuracy (%)", "on the front"], known.map((bar) => [
        bar.name, bar.budget, String(+bar.costs[measure].toPrecision(3)),
        round(points(bar.accuracy)), front.includes(bar) ? "yes" : "no"])),
    };
  }

  function category(comparison, group, chosen) {
    const style = styles(comparison.names);
    const values = comparison.groups[group] ?? [];
    const bars = comparison.bars.filter((bar) => bar.budget === chosen);
    const isTall = values.length > 12;
    const data = bars.map((bar) => {
      const own = values.map((value) => bar.groups[group]?.[value] ?? {});
      const shares = own.map((entry) => points(entry.accuracy));
      const error = { ...whiskers(own.map((e) => (e.accuracy === undefined ? { ci95: null } : e))) };
      error.color = colour("whisker");
      const { color } = style.get(bar.name);
      const marker = bar.is_bound ? { color: colour("paper"), line: { color, width: 1.2 } } : { color };
      const along = values.map(plain);
      const text = own.map((entry) => `n = ${entry.n ?? 0}`);
      const shared = { type: "bar", name: plain(bar.name), marker, text, textposition: "none" };
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
      table: tableOf([group, "n", ...bars.map((bar) => bar.name)], values.map((value) => [
        value, String(Math.max(...bars.map((bar) => bar.groups[group]?.[value]?.n ?? 0))),
        ...bars.map((bar) => {
          const entry = bar.groups[group]?.[value];
          return entry ? `${round(points(entry.accuracy))} (${intervalText(entry)})` : "n/a";
        })])),
    };
  }

  function depth(map) {
    const names = Object.keys(map.shares);
    const columns = Math.min(names.length, innerWidth < 700 ? 2 : 6);
    const rows = Math.ceil(names.length / columns);
    const drawn = {
      grid: { rows, columns, pattern: "independent", xgap: 0.08, ygap: 0.28 },
      margin: { l: 60, r: 12, t: 30, b: 30 },
      annotations: [],
      coloraxis: {
        cmin: 0, cmax: 100, colorscale: "Cividis",
        colorbar: { title: { text: "%", side: "top" }, thickness: 10, outlinewidth: 0, len: 0.9 },
      },
    };
    const data = names.map((name, place) => {
      const suffix = place ? String(place + 1) : "";
      drawn[`xaxis${suffix}`] = axis({ type: "category", tickfont: { size: 11 } });
      drawn[`yaxis${suffix}`] = axis({
        type: "category", autorange: "reversed", tickfont: { size: 11 },
        showticklabels: place % columns === 0,
      });
      drawn.annotations.push({
        text: `<b>${plain(name)}</b>`, showarrow: false, xref: `x${suffix} domain`,
        yref: `y${suffix} domain`, x: 0, y: 1.03, xanchor: "left", yanchor: "bottom",
      });
      const z = map.shares[name].map((row) => row.map(([, share]) => points(share)));
      return {
        type: "heatmap", x: map.lengths.map(plain), y: map.depths.map(plain), z,
        xaxis: `x${suffix}`, yaxis: `y${suffix}`, coloraxis: "coloraxis", xgap: 1, ygap: 1,
        text: map.shares[name].map((row) => row.map(([n]) => `n = ${n}`)),
        texttemplate: "%{z:.0f}", textfont: { size: 11 },
        hovertemplate: `<b>${plain(name)}</b><br>%{y}, %{x}<br>%{z:.1f}%, %{text}<extra></extra>`,
      };
    });
    return {
      data,
      height: 40 + rows * (60 + 26 * map.depths.length),
      layout: layout(drawn),
      table: tableOf(["sampler", "depth", ...map.lengths], names.flatMap((name) => (
        map.depths.map((at, row) => [name, at, ...map.shares[name][row].map(
          ([n, share]) => `${round(points(share))} (n = ${n})`)])))),
    };
  }

  function training(logs, measures) {
    const shown = Object.keys(measures).filter((key) => logs.some((log) => key in log.curves));
    const columns = innerWidth < 700 ? 1 : Math.min(3, shown.length);
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
      drawn.annotations.push({
        text: measures[measure], showarrow: false, xref: `x${suffix} domain`,
        yref: `y${suffix} domain`, x: 0, y: 1.03, xanchor: "left", yanchor: "bottom",
      });
      return logs.map((log, number) => ({
        type: "scatter", mode: "lines", name: plain(log.name), legendgroup: log.name,
        showlegend: place === 0, x: (log.curves[measure] ?? []).map(([step]) => step),
        y: (log.curves[measure] ?? []).map(([, value]) => value),
        xaxis: `x${suffix}`, yaxis: `y${suffix}`,
        line: { color: colour(`c${number % 8}`), width: 1.4 },
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

  return { budget, cost, category, depth, training };
})();
