"""`python -m lmzoo`: the command line."""

from lmzoo.cli import main

if __name__ == "__main__":
    main()
