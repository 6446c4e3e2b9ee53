// Draws one figure of an explorer in JupyterLab, in place: a turned knob moves what is there.
// plotly comes from the kernel once a page (the report's own bundle), never from the network.

const SHARED = Symbol.for("cs-models.plotly");
const CONFIG = { displayModeBar: false, displaylogo: false, responsive: true, scrollZoom: false,
  typesetMath: false }; // a name may hold `$x$`: it is drawn as typed

const plotly = (model) => {
  window[SHARED] ??= new Promise((resolve, reject) => {
    model.on("msg:custom", (message, buffers) => {
      if (message.kind !== "bundle") return;
      const source = URL.createObjectURL(new Blob([buffers[0]], { type: "text/javascript" }));
      const script = document.createElement("script");
      script.onload = () => { URL.revokeObjectURL(source); resolve(window.Plotly); };
      script.onerror = () => { window[SHARED] = undefined; reject(new Error("no plotly")); };
      script.src = source;
      document.head.append(script);
    });
    model.send({ kind: "bundle" });
  });
  return window[SHARED];
};

// The dark twin of a colour, as the report's own page has it.
const twin = (colour, twins) => {
  const solid = twins[colour.toUpperCase()];
  if (solid) return solid;
  const parts = /^rgba\((\d+), ?(\d+), ?(\d+), ?([\d.]+)\)$/.exec(colour);
  if (!parts) return colour;
  const hex = "#" + parts.slice(1, 4).map((c) => (+c).toString(16).padStart(2, "0")).join("");
  const match = twins[hex.toUpperCase()];
  if (!match) return colour;
  const channel = (at) => parseInt(match.slice(at, at + 2), 16);
  return `rgba(${channel(1)}, ${channel(3)}, ${channel(5)}, ${parts[4]})`;
};

const copy = (node, twins, coloured) => {
  if (Array.isArray(node)) return node.map((item) => copy(item, twins, coloured));
  if (node && typeof node === "object") {
    return Object.fromEntries(Object.entries(node)
      .map(([key, value]) => [key, copy(value, twins, coloured || /color/.test(key))]));
  }
  return twins && coloured && typeof node === "string" ? twin(node, twins) : node;
};

// ipywidgets names a slider beside it, not on it: say its name and value to a screen reader.
const name = (root) => {
  for (const slider of root.querySelectorAll(".widget-slider")) {
    const label = slider.querySelector(".widget-label");
    const value = slider.querySelector(".widget-readout");
    const handle = slider.querySelector(".noUi-handle");
    if (!handle) continue;
    if (label) handle.setAttribute("aria-label", label.textContent.trim() || "knob");
    if (value) handle.setAttribute("aria-valuetext", value.textContent.trim());
  }
  for (const said of root.querySelectorAll(".cs-explorer-said .widget-html-content")) {
    said.setAttribute("role", "status");
  }
};

export default {
  render({ model, el }) {
    const title = document.createElement("div");
    const box = document.createElement("div");
    title.style.fontWeight = "600";
    title.className = "cs-explorer-title";
    box.setAttribute("role", "img");
    el.classList.add("cs-explorer-figure");
    el.append(title, box);
    let drawing = Promise.resolve();
    const draw = () => {
      const figure = model.get("figure");
      title.textContent = model.get("title");
      box.setAttribute("aria-label", model.get("alt"));
      const root = el.closest(".cs-explorer");
      if (root) name(root);
      if (!figure.data) return;
      const dark = document.body.dataset.jpThemeLight === "false" && model.get("twins");
      const layout = copy(figure.layout, dark, false);
      drawing = drawing
        .then(() => plotly(model))
        .then((Plotly) => Plotly.react(box, copy(figure.data, dark, false), layout, CONFIG))
        .catch(() => { box.textContent = "This figure could not be drawn here: " + model.get("alt"); });
    };
    const later = setTimeout(draw);
    const themes = new MutationObserver(draw);
    themes.observe(document.body, { attributeFilter: ["data-jp-theme-light"] });
    model.on("change:figure", draw);
    return () => { clearTimeout(later); themes.disconnect(); model.off("change:figure", draw); };
  },
};
