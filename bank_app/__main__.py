"""`python -m bank_app`: what `./bank` becomes once its environment is there."""

# Workers import this module again under another name; they must not pay for the commands.
if __name__ == "__main__":
    from bank_app.cli import main

    main()
