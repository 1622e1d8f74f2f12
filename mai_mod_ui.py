import sys

from maimod.cli import main

raise SystemExit(main(["ui", *sys.argv[1:]]))
