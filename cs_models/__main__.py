"""`python -m cs_models` is `cs-models`."""

from cs_models.cli import main

if __name__ == "__main__":
    main()
