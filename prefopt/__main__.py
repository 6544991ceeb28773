"""python -m prefopt"""

from prefopt.cli.app import main

if __name__ == "__main__":
    main()
