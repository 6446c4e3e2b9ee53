"use strict";
// Draws the page's figures with the one inlined plotly bundle, in the reader's light or dark,
// and whole on paper; sorts tables, marks the section being read.  Data come as JSON in data
// blocks and are never markup.  Runs before the bundle: nothing here needs it to be there yet.
(() => {
  const read = (id) => JSON.parse(document.getElementById(id).textContent);
  const shared = read("figure-theme");
  const darkScreen = matchMedia("(prefers-color-scheme: dark)");
  const PAPER_WIDTH = 640; // A4 between its margins, in CSS pixels
  const PAPER_HEIGHT = 0.78; // of a figure's height on a screen, so that a sheet holds two
  const TALL = 440; // pixels: a higher figure has a row for each name and needs them all
  const config = { displayModeBar: false, displaylogo: false, responsive: false, scrollZoom: false,
    showTips: false,
    typesetMath: false }; // a name may hold `$x$`: it is drawn as typed
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
  const LETTER = 6.6;
  const broken = (text, letters) => text.split(" ").reduce((lines, word) => {
    const last = lines[lines.length - 1];
    if (last && (last + " " + word).length <= letters) lines[lines.length - 1] += " " + word;
    else lines.push(word);
    return lines;
  }, []).join("<br>");

  const fit = (layout, across) => {
    for (const [name, axis] of Object.entries(layout)) {
      const title = /^[xy]axis/.test(name) && axis && axis.title;
      if (!title || typeof title.text !== "string") continue;
      const room = name.startsWith("x") ? across : (layout.height || 360) - 80;
      title.text = broken(title.text, Math.max(12, Math.floor(room / LETTER)));
    }
  };

  // Of names as long as half a phone each takes a line, and plotly scrolls them: two to a line.
  const NARROW = 480, FEW_NAMES = 6, SHORT_NAME = 16; // pixels, names, letters
  const compact = (figure, layout) => {
    const names = figure.data.filter((one) => one.showlegend !== false).map((one) => one.name || "");
    if (layout.width >= NARROW || !layout.showlegend || names.length <= FEW_NAMES
      || names.every((name) => name.length <= SHORT_NAME)) return;
    const legend = layout.legend || {};
    layout.legend = { ...legend, entrywidth: layout.width / 2 - 95,
      font: { ...legend.font, size: 11 } };
  };

  // What only a drawn figure tells: names beside it leave less room for the title below than was
  // thought, or the legend takes more lines than stand free above the first panel's own name.
  const unsettled = ({ box }) => {
    const { _size: size, legend, annotations, margin } = box._fullLayout;
    const edge = box.getBoundingClientRect();
    const cut = [...box.querySelectorAll(".xtitle")].some((title) => {
      const words = title.getBoundingClientRect();
      return words.left < edge.left || words.right > edge.right;
    });
    const named = (annotations || []).some((one) => one.yref === "paper" && one.y >= 0.98
      && one.yanchor === "bottom" && !one.showarrow);
    const above = named && box._fullLayout.showlegend && legend ? legend._height + 26 : 0;
    const found = {};
    if (cut) found.across = Math.max(80, size.w + 2 * Math.min(size.l, size.r) - 8);
    if (above > margin.t + 4) found.top = above;
    return cut || found.top ? found : null;
  };

  const draw = (chart, known = {}) => {
    const dark = darkScreen.matches && !printing;
    const layout = copy(chart.figure.layout, dark, false);
    layout.template = copy(shared.template, dark, false);
    layout.width = printing ? PAPER_WIDTH : chart.box.clientWidth;
    layout.autosize = false;
    const height = layout.height || layout.template.layout.height;
    if (printing && height <= TALL) layout.height = Math.round(height * PAPER_HEIGHT);
    if (known.top) layout.margin = { ...layout.margin, t: known.top };
    if (printing) delete layout.sliders; // no knob can be turned on paper
    fit(layout, known.across || layout.width - 90);
    compact(chart.figure, layout);
    chart.width = layout.width;
    const figure = { data: copy(chart.figure.data, dark, false), layout, config };
    if (chart.figure.frames) figure.frames = chart.figure.frames;
    const first = !chart.drawn;
    chart.drawn = true;
    const drawn = first ? Plotly.newPlot(chart.box, figure)
      : Plotly.react(chart.box, figure.data, layout, config);
    const better = Object.keys(known).length ? null : unsettled(chart);
    return better ? draw(chart, better) : drawn;
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

  // What is seen, or nearly, is drawn first; the rest one by one when nothing else is to do.
  const idle = window.requestIdleCallback
    ? (work) => requestIdleCallback(work, { timeout: 1500 }) : (work) => setTimeout(work, 30);
  const near = new Set();
  const next = () => charts.find((chart) => !chart.drawn && near.has(chart.box))
    || charts.find((chart) => !chart.drawn);
  const step = async () => {
    const chart = next();
    if (!chart) {
      document.documentElement.dataset.charts = "drawn";
      return;
    }
    await attempt(chart);
    if (performance.getEntriesByName("first-chart").length === 0) performance.mark("first-chart");
    const hurry = charts.some((other) => !other.drawn && near.has(other.box));
    if (hurry) setTimeout(step); else idle(step);
  };
  const drawAll = () => {
    const seen = new IntersectionObserver((entries) => {
      for (const { target, isIntersecting } of entries) {
        if (isIntersecting) near.add(target); else near.delete(target);
      }
    }, { rootMargin: "300px 0px" });
    const known = new IntersectionObserver(() => { known.disconnect(); step(); });
    for (const { box } of charts) seen.observe(box);
    // Observers report in the order they were made: by now it is known what is near.
    known.observe(document.body);
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

  // A longer table is sorted by the heads of its columns: numbers as numbers, what is missing
  // last, and a third press brings back the order of the page.
  const FEW = 5;
  const sign = { ascending: 1, descending: -1 };
  const number = (text) => {
    const found = /[-\u2212]?\d[\d,]*(\.\d+)?/.exec(text);
    if (!found) return null;
    const value = Number(found[0].replace(/,/g, "").replace("\u2212", "-"));
    return text.startsWith("<") ? value - 1e-9 : value;
  };
  const word = (text) => (text === "" || text === "\u2013" ? null : text);
  const order = (head, way) => {
    const body = head.closest("table").tBodies[0];
    const rows = [...body.rows].sort((one, other) => one.dataset.row - other.dataset.row);
    const whole = rows.length - rows.filter((row) => row.classList.contains("more")).length;
    if (sign[way]) {
      const value = head.classList.contains("n") ? number : word;
      const keys = new Map(rows.map((row) =>
        [row, value(row.cells[head.cellIndex].textContent.trim())]));
      rows.sort((one, other) => {
        const [a, b] = [keys.get(one), keys.get(other)];
        if (a === null || b === null) return (a === null) - (b === null);
        return sign[way] * (typeof a === "number" ? a - b
          : a.localeCompare(b, undefined, { numeric: true }));
      });
    }
    rows.forEach((row, place) => row.classList.toggle("more", place >= whole));
    body.append(...rows);
    for (const other of head.parentNode.cells) other.removeAttribute("aria-sort");
    if (sign[way]) head.setAttribute("aria-sort", way);
  };
  for (const table of document.querySelectorAll("main .scroll>table")) {
    if (table.tBodies[0].rows.length <= FEW) continue;
    [...table.tBodies[0].rows].forEach((row, place) => { row.dataset.row = place; });
    for (const head of table.tHead.rows[0].cells) {
      const button = document.createElement("button");
      button.type = "button";
      button.append(...head.childNodes);
      head.append(button);
      const ways = head.classList.contains("n") ? ["descending", "ascending"]
        : ["ascending", "descending"];
      button.addEventListener("click", () =>
        order(head, ways[ways.indexOf(head.getAttribute("aria-sort")) + 1] || "none"));
    }
  }

  // The contents stand open where they lie beside the text, and mark the section being read.
  const beside = matchMedia("(min-width: 68rem)");
  const contents = document.querySelector(".contents details");
  const unfold = () => { contents.open = beside.matches; };
  unfold();
  beside.addEventListener("change", unfold);
  const links = new Map([...contents.querySelectorAll("a")].map((link) =>
    [document.getElementById(link.hash.slice(1)), link]));
  let current = null;
  const mark = () => {
    const line = innerHeight * 0.3;
    let now = null;
    for (const [section, link] of links) {
      if (section.getBoundingClientRect().top <= line) now = link;
    }
    if (scrollY + innerHeight >= document.documentElement.scrollHeight - 2) {
      now = [...links.values()].pop();
    }
    if (now === current) return;
    if (current) current.removeAttribute("aria-current");
    if (now) now.setAttribute("aria-current", "location");
    current = now;
  };
  contents.addEventListener("click", (event) => {
    if (event.target.closest("a") && !beside.matches) contents.open = false;
  });

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
    else mark();
  }, { capture: true, passive: true });
  hint();
  mark();
  addEventListener("resize", resized);
  addEventListener("beforeprint", () => { printing = true; charts.forEach(attempt); });
  addEventListener("afterprint", () => { printing = false; redraw(); });
  darkScreen.addEventListener("change", redraw);
  reveal();
  addEventListener("DOMContentLoaded", drawAll);
})();
