from maimod.cli import main

raise SystemExit(main())
