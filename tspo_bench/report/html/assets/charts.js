// From a report's figures to what Plotly draws, and to the table of the same numbers.
"use strict";
const tspoCharts = (() => {
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

  const colourOf = (style) => colour(style.colour === null ? "neutral" : `c${style.colour}`);
  const symbolOf = (style) => (style.colour === null ? `${style.marker}-open` : style.marker);

  // How clearly one of many is drawn: where one is highlighted, the others step back.
  const strength = (name, chosen) => (!chosen || name === chosen ? 1 : 0.15);

  // Colours as they are drawn over others: of very many intervals each is faint.
  function faint(hex, share) {
    const alpha = Math.round(255 * share).toString(16).padStart(2, "0");
    return `${hex}${alpha}`;
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
  function costAxis(costs, text, isNamed) {
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
      // On the left there is room for the names on the front.
      range: [Math.log10(low) - (isNamed ? 4 : 1) * margin, Math.log10(high) + 1.6 * margin],
      tickvals: ticks,
      ticktext: ticks.map((tick) => String(+tick.toPrecision(3))),
    });
  }

  const accuracyAxis = (top = 100) => axis({
    title: { text: "accuracy (%)", standoff: 6 }, range: [0, top], tickvals: [0, 20, 40, 60, 80, 100],
  });

  // To the upper left of a point on the front no other point is.
  function nameOnFront(label, bar, measure) {
    const x = Math.log10(bar.costs[measure]);
    return {
      text: plain(label.text), x, y: points(bar.accuracy), ax: x, ay: label.height, axref: "x", ayref: "y",
      xanchor: "right", yanchor: "middle", showarrow: true, arrowhead: 0, arrowwidth: 0.8,
      arrowcolor: colour("rule"), standoff: 4, borderpad: 1, font: { size: 11 },
    };
  }

  // What is drawn of a sampler: { style, chosen, crowded } tell how.
  function line(name, bars, x, { style, chosen, crowded }, more) {
    const color = colourOf(style);
    const isFaint = crowded && name !== chosen;
    return {
      type: "scatter",
      name: plain(name),
      meta: name,
      x,
      y: bars.map((bar) => points(bar.accuracy)),
      error_y: {
        ...whiskers(bars), color: isFaint ? faint(color, 0.3) : color, visible: !chosen || name === chosen,
      },
      opacity: strength(name, chosen),
      line: { color, width: name === chosen ? 3 : 1.8, dash: style.dash },
      marker: { color, symbol: symbolOf(style), size: 8 },
      text: bars.map((bar) => plain(bar.budget)),
      hovertemplate: `<b>${plain(name)}</b>, K = %{text}<br>%{y:.1f}%<extra></extra>`,
      ...more,
    };
  }

  const tableOf = (headings, rows) => ({ headings, rows });
  const intervalText = (bar) => (bar.ci95
    ? `${round(points(bar.ci95[0]))} to ${round(points(bar.ci95[1]))}` : "n/a");

  // A legend of many names takes the room that it needs, whatever the width.
  function sized(comparison, width, more) {
    const longest = Math.max(...comparison.names.map((name) => Math.min(name.length, 40)));
    const columns = Math.max(1, Math.floor((width - 60) / (40 + 5.8 * longest)));
    const below = 48 + 19 * Math.ceil((comparison.names.length + 1) / columns);
    return {
      height: 310 + below,
      layout: layout({
        margin: { l: 48, r: 12, t: 8, b: below },
        legend: { orientation: "h", yref: "container", y: 0, yanchor: "bottom", x: 0, maxheight: 1 },
        ...more,
      }),
    };
  }

  function budget(comparison, { styles, chosen, width }) {
    const { crowded } = comparison;
    const known = comparison.bars.filter((bar) => bar.accuracy !== null && bar.frames);
    const ticks = [...new Set(known.map((bar) => bar.frames))].sort((a, b) => a - b);
    // Beside each other rather than upon each other, so that each interval can be seen.
    const aside = (place) => 2 ** ((place - (comparison.names.length - 1) / 2) * 0.016);
    // A narrower axis than two octaves would make other budgets of what stands beside each other.
    const [low, high] = [ticks[0], ticks.at(-1)];
    const isNarrow = high < 2 * low;
    const middle = Math.log10(low * high) / 2;
    const data = comparison.names.map((name, place) => {
      const bars = known.filter((bar) => bar.name === name).sort((a, b) => a.frames - b.frames);
      const x = bars.map((bar) => bar.frames * aside(place));
      return line(name, bars, x, { style: styles[name], chosen, crowded }, { mode: "lines+markers" });
    }).filter((trace) => trace.x.length);
    return {
      data,
      ...sized(comparison, width, {
        xaxis: axis({
          type: "log", title: { text: "frames a question", standoff: 8 },
          tickvals: ticks, ticktext: ticks.map((tick) => String(+tick.toFixed(1))),
          ...(isNarrow && { range: [middle - Math.log10(2), middle + Math.log10(2)] }),
        }),
        yaxis: accuracyAxis(),
      }),
      table: tableOf(["sampler", "K", "frames", "accuracy (%)", "95% interval"], known.map((bar) => [
        bar.name, bar.budget, round(bar.frames), round(points(bar.accuracy)), intervalText(bar)])),
    };
  }

  function cost(comparison, { styles, chosen, width }, measure) {
    const { crowded } = comparison;
    const labels = comparison.labels[measure] ?? [];
    const known = comparison.bars.filter((bar) => bar.accuracy !== null && measure in bar.costs);
    const front = (comparison.fronts[measure] ?? []).map((place) => comparison.bars[place]);
    const unit = measure.includes("questions") ? measure : `${measure} a question`;
    const data = [{
      type: "scatter", mode: "lines", name: "front",
      x: front.map((bar) => bar.costs[measure]), y: front.map((bar) => points(bar.accuracy)),
      line: { color: colour("neutral"), width: 1.5, dash: "dot", shape: "hv" }, hoverinfo: "skip",
    }].concat(comparison.names.map((name) => {
      const bars = known.filter((bar) => bar.name === name);
      return line(name, bars, bars.map((bar) => bar.costs[measure]), { style: styles[name], chosen, crowded }, {
        mode: "markers",
        hovertemplate: `<b>${plain(name)}</b>, K = %{text}<br>%{y:.1f}%<br>%{x:.3~g} ${unit}<extra></extra>`,
      });
    }).filter((trace) => trace.x.length));
    return {
      data,
      ...sized(comparison, width, {
        xaxis: costAxis(known.map((bar) => bar.costs[measure]), unit, labels.length > 0),
        yaxis: accuracyAxis(Math.max(100, ...labels.map((label) => label.height + 3))),
        annotations: labels.map((label) => nameOnFront(label, comparison.bars[label.place], measure)),
      }),
      table: tableOf(["sampler", "K", unit, "accuracy (%)", "on the front"], known.map((bar) => [
        bar.name, bar.budget, String(+bar.costs[measure].toPrecision(3)),
        round(points(bar.accuracy)), front.includes(bar) ? "yes" : "no"])),
    };
  }

  return {
    budget, cost, axis, layout, accuracyAxis, whiskers, tableOf, intervalText, plain, points, round, colour,
    colourOf, symbolOf, strength,
  };
})();
