import sys

from maimod.app import main

raise SystemExit(main(["ui", *sys.argv[1:]]))
