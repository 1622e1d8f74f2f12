"""`python -m maimod`: the command `maimod`, where its script is not on the search path."""

from maimod.app import main

if __name__ == "__main__":  # the processes of --jobs import this file, too
    raise SystemExit(main())
