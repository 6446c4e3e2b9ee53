// culori with the three colour spaces that plotly's own code converts between.  The package's
// CommonJS build, which plotly.js asks for, brings thirty more (Lab, Oklch, ...): CSS colours of
// those spaces are the one thing that a figure of the page cannot be given.
import { modeHsl, modeLrgb, modeRgb, useMode } from "culori/fn";

for (const mode of [modeRgb, modeHsl, modeLrgb]) useMode(mode);

export { converter, formatHex, formatRgb, wcagContrast, wcagLuminance } from "culori/fn";
