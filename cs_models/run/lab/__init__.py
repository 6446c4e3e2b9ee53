"""JupyterLab's face: the form of a run file, runs in the background, bars on long cells."""
