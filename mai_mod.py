from maimod.app import main

if __name__ == "__main__":  # the processes of --jobs import this file, too
    raise SystemExit(main())
