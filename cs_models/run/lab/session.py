"""Whether somebody sits before this kernel, and how what is shown there looks.

Everything here is markup for JupyterLab, which gives its colours as variables: the same markup is
right in light and dark.  Whatever a reader sees is escaped by whoever writes the markup.
"""

from __future__ import annotations

import os
from collections.abc import Mapping

HEADLESS = "CS_MODELS_HEADLESS"
"""Environment variable of the kernels of a run: nobody looks at them."""

_SESSION = "JPY_SESSION_NAME"  # set by a Jupyter server for a notebook that somebody opened

STYLE = """<style>
.cs-face {max-width: 76em; font-size: var(--jp-content-font-size1, 14px);
  color: var(--jp-content-font-color1, inherit); line-height: 1.5}
.cs-face .widget-label {color: var(--jp-content-font-color1, inherit)}
.cs-field {margin: 0 0 0.55em}
.cs-field > .widget-inline-hbox, .cs-field > .jupyter-widgets {max-width: 46em}
.cs-help {color: var(--jp-content-font-color2, #666); font-size: 0.92em; line-height: 1.4;
  margin: 0 0 0 13.6em; max-width: 52em}
.cs-wrong {margin: 0.15em 0 0.2em 13.6em; padding: 0.2em 0.7em; max-width: 52em;
  border-left: 3px solid var(--jp-error-color1, #c62828); line-height: 1.4;
  background: var(--jp-layout-color2, #f3f3f3)}
.cs-told {margin: 0.5em 0; padding: 0.4em 0.9em; max-width: 66em; white-space: pre-wrap;
  border-left: 4px solid var(--jp-border-color1, #bbb);
  background: var(--jp-layout-color2, #f3f3f3)}
.cs-told.good {border-left-color: var(--jp-success-color1, #388e3c)}
.cs-told.bad {border-left-color: var(--jp-error-color1, #c62828)}
.cs-bar {display: flex; gap: 0.9em; align-items: center; margin: 0.15em 0;
  font-size: var(--jp-content-font-size1, 14px); color: var(--jp-content-font-color1, inherit)}
.cs-bar .track {flex: 0 0 13em; height: 0.5em; border-radius: 0.25em; overflow: hidden;
  background: var(--jp-border-color2, #ddd)}
.cs-bar .fill {height: 100%; background: var(--jp-brand-color1, #1976d2)}
.cs-bar .count {font-variant-numeric: tabular-nums; color: var(--jp-content-font-color2, #666)}
</style>"""


def attended(environment: Mapping[str, str] | None = None) -> bool:
    """Tell whether this kernel belongs to a notebook that somebody opened in a Jupyter server.

    A kernel of a run, of papermill or of nbconvert does not: nothing may be shown there that is
    not a result.
    """
    known = os.environ if environment is None else environment
    return bool(known.get(_SESSION)) and not known.get(HEADLESS)
