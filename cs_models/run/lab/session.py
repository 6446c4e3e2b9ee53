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
.cs-face {max-width: 66em; padding: 2px 4px; font-size: var(--jp-content-font-size1, 14px);
  color: var(--jp-content-font-color1, inherit); line-height: 1.5; overflow: hidden}
.cs-face .widget-label {color: var(--jp-content-font-color1, inherit);
  font-family: var(--jp-code-font-family, monospace)}
.cs-field {margin: 0 0 0.6em; overflow: hidden}
.cs-help, .cs-wrong {margin-left: calc(13em + 18px); max-width: 46em; line-height: 1.4}
.cs-help {color: var(--jp-content-font-color2, #666); font-size: 0.92em}
.cs-wrong {margin-top: 0.3em; padding: 0.3em 0.8em; border-left: 3px solid
  var(--jp-error-color1, #c62828); background: var(--jp-layout-color2, #f3f3f3)}
.cs-told {margin: 0.5em 0; padding: 0.5em 0.9em; max-width: 58em; white-space: pre-wrap;
  line-height: 1.5; border-left: 4px solid var(--jp-border-color1, #bbb);
  color: var(--jp-content-font-color1, inherit); background: var(--jp-layout-color2, #f3f3f3)}
.cs-told.good {border-left-color: var(--jp-success-color1, #388e3c)}
.cs-told.bad {border-left-color: var(--jp-error-color1, #c62828)}
.cs-face .cs-fold {width: 100%; max-width: 64em; text-align: left; background: none;
  box-shadow: none !important; border: 0; padding-left: 0.3em;
  color: var(--jp-content-font-color1, inherit)}
.cs-face .cs-fold:focus-visible {outline: 2px solid var(--jp-brand-color1, #1976d2)}
.cs-face .cs-heading {border-top: 1px solid var(--jp-border-color2, #ddd); font-weight: 600;
  font-size: 1.05em; height: 2.4em}
.cs-face .cs-part {font-family: var(--jp-code-font-family, monospace)}
.cs-face .cs-inside {padding-left: 1.2em; border-left: 2px solid var(--jp-border-color2, #ddd);
  margin-left: 0.6em; overflow: hidden}
.cs-face .cs-row {border-bottom: 1px solid var(--jp-border-color2, #ddd); padding: 0.5em 0}
.cs-bar {display: flex; gap: 0.9em; align-items: center; margin: 0.2em 0; line-height: 1.6;
  font-size: var(--jp-content-font-size1, 14px); color: var(--jp-content-font-color1, inherit)}
.cs-bar .track {flex: 0 0 13em; height: 0.5em; border-radius: 0.25em; overflow: hidden;
  background: var(--jp-border-color2, #ddd)}
.cs-bar .fill {height: 100%; background: var(--jp-brand-color1, #1976d2)}
.cs-bar .count {font-variant-numeric: tabular-nums; color: var(--jp-content-font-color2, #666)}
.cs-states td, .cs-pages td {padding: 0.25em 1.2em 0.25em 0; vertical-align: top;
  text-align: left !important; border-bottom: 1px solid var(--jp-border-color2, #ddd)}
.cs-states td {padding-right: 2em}
.cs-states .failed {color: var(--jp-error-color1, #c62828); font-weight: 600}
.cs-pages a, .cs-face a {color: var(--jp-content-link-color, #1976d2)}
</style>"""


def attended(environment: Mapping[str, str] | None = None) -> bool:
    """Tell whether this kernel belongs to a notebook that somebody opened in a Jupyter server.

    A kernel of a run, of papermill or of nbconvert does not: nothing may be shown there that is
    not a result.
    """
    known = os.environ if environment is None else environment
    return bool(known.get(_SESSION)) and not known.get(HEADLESS)
