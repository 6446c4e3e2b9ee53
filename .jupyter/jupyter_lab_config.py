# JupyterLab as `make lab` opens it: this machine only, and nothing is asked of the network.
from pathlib import Path

c = get_config()  # noqa: F821 - Jupyter puts it here

c.ServerApp.ip = "127.0.0.1"
c.LabApp.news_url = None
c.LabApp.check_for_updates_class = "jupyterlab.NeverCheckForUpdate"
c.LabApp.extension_manager = "readonly"
# overrides.json: no question about news, no look for newer versions.
c.LabApp.app_settings_dir = str(Path(__file__).resolve().parent / "settings")
# A report's pages link to each other; Jupyter's own way of giving out files would refuse them.
c.ContentsManager.files_handler_class = "cs_models.run.lab.pages.Pages"
