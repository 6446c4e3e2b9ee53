"use strict";
// Draws the page's figures with the one inlined plotly bundle, in the reader's light or dark,
// and whole on paper.  Data come as JSON in data blocks and are never markup.
(() => {
  const read = (id) => JSON.parse(document.getElementById(id).textContent);
  const shared = read("figure-theme");
  const darkScreen = matchMedia("(prefers-color-scheme: dark)");
  const PAPER_WIDTH = 640; // A4 between its margins, in CSS pixels
  const config = { displayModeBar: false, displaylogo: false, responsive: false, scrollZoom: false,
    showTips: false };
  const charts = [...document.querySelectorAll(".chart")].map((box) =>
    ({ box, figure: read(box.dataset.figure), drawn: false, width: 0 }));
  let printing = false;

  const twin = (colour) => {
    const solid = shared.dark[colour.toUpperCase()];
    if (solid) return solid;
    const parts = /^rgba\((\d+), ?(\d+), ?(\d+), ?([\d.]+)\)$/.exec(colour);
    if (!parts) return colour;
    const hex = "#" + parts.slice(1, 4).map((c) => (+c).toString(16).padStart(2, "0")).join("");
    const match = shared.dark[hex.toUpperCase()];
    if (!match) return colour;
    const channel = (at) => parseInt(match.slice(at, at + 2), 16);
    return `rgba(${channel(1)}, ${channel(3)}, ${channel(5)}, ${parts[4]})`;
  };

  // A copy of a figure's JSON, its colours swapped for their dark twins when asked.
  const copy = (node, dark, colour) => {
    if (Array.isArray(node)) return node.map((item) => copy(item, dark, colour));
    if (node && typeof node === "object") {
      const result = {};
      for (const key of Object.keys(node)) {
        result[key] = copy(node[key], dark, colour || /color/.test(key));
      }
      return result;
    }
    return dark && colour && typeof node === "string" ? twin(node) : node;
  };

  // plotly never breaks the line of an axis title: on a phone it would be cut.
  const broken = (text, letters) => text.split(" ").reduce((lines, word) => {
    const last = lines[lines.length - 1];
    if (last && (last + " " + word).length <= letters) lines[lines.length - 1] += " " + word;
    else lines.push(word);
    return lines;
  }, []).join("<br>");

  const fit = (layout) => {
    for (const [name, axis] of Object.entries(layout)) {
      const title = /^[xy]axis/.test(name) && axis && axis.title;
      if (!title || typeof title.text !== "string") continue;
      const room = name.startsWith("x") ? layout.width - 90 : (layout.height || 360) - 80;
      title.text = broken(title.text, Math.max(12, Math.floor(room / 6.6)));
    }
  };

  const draw = (chart) => {
    const dark = darkScreen.matches && !printing;
    const layout = copy(chart.figure.layout, dark, false);
    layout.template = copy(shared.template, dark, false);
    layout.width = printing ? PAPER_WIDTH : chart.box.clientWidth;
    layout.autosize = false;
    fit(layout);
    chart.width = layout.width;
    const figure = { data: copy(chart.figure.data, dark, false), layout, config };
    if (chart.figure.frames) figure.frames = chart.figure.frames;
    const first = !chart.drawn;
    chart.drawn = true;
    return first ? Plotly.newPlot(chart.box, figure)
      : Plotly.react(chart.box, figure.data, layout, config);
  };

  const attempt = (chart) => {
    try {
      return Promise.resolve(draw(chart)).catch((error) => fail(chart, error));
    } catch (error) {
      return Promise.resolve(fail(chart, error));
    }
  };

  const fail = (chart, error) => {
    console.error("a figure could not be drawn", chart.box.id, error);
    chart.box.textContent = "This figure could not be drawn here. Its numbers stand below.";
    chart.box.classList.add("undrawn");
    const behind = chart.box.closest("figure").querySelector("details");
    if (behind) behind.open = true;
  };

  const redraw = () => charts.forEach((chart) => { if (chart.drawn) attempt(chart); });

  // One figure a turn, so that the first stands before the last is begun.
  const drawAll = async () => {
    for (const chart of charts) {
      if (!chart.drawn) await attempt(chart);
      if (chart === charts[0]) performance.mark("first-chart");
      await new Promise((next) => setTimeout(next));
    }
    document.documentElement.dataset.charts = "drawn";
  };

  // A number links to its table: open what hides it.
  const reveal = () => {
    const target = location.hash.length > 1
      && document.getElementById(decodeURIComponent(location.hash.slice(1)));
    if (!target) return;
    for (let box = target; box; box = box.parentElement) {
      if (box.tagName === "DETAILS") box.open = true;
    }
    target.scrollIntoView();
  };

  // A table wider than its box looks whole: say that there is more to the right.
  const hint = () => {
    for (const box of document.querySelectorAll(".scroll")) {
      const wider = box.clientWidth > 0 && box.scrollWidth > box.clientWidth + 1;
      box.classList.toggle("wider", wider);
      box.classList.toggle("at-end", wider && box.scrollLeft + box.clientWidth >= box.scrollWidth - 1);
      const before = box.previousElementSibling;
      const said = before && before.classList.contains("hint") ? before : null;
      if (wider && !said) {
        const words = document.createElement("p");
        words.className = "hint";
        words.textContent = "Scroll sideways for more columns \u2192";
        box.before(words);
      } else if (!wider && said && box.clientWidth > 0) said.remove();
    }
  };

  let waiting = 0;
  const resized = () => {
    clearTimeout(waiting);
    waiting = setTimeout(() => charts.forEach((chart) => {
      if (!printing && chart.drawn && chart.box.clientWidth !== chart.width) attempt(chart);
    }), 120);
    hint();
  };

  addEventListener("hashchange", reveal);
  addEventListener("toggle", hint, true); // a fold that opens shows tables not measured yet
  addEventListener("scroll", (event) => {
    if (event.target.classList && event.target.classList.contains("scroll")) hint();
  }, true);
  hint();
  addEventListener("resize", resized);
  addEventListener("beforeprint", () => { printing = true; charts.forEach(attempt); });
  addEventListener("afterprint", () => { printing = false; redraw(); });
  darkScreen.addEventListener("change", redraw);
  drawAll().then(reveal);
})();
