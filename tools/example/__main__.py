"""Write the folder."""

from tools.example.folder import write

if __name__ == "__main__":
    write()
