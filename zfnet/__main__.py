"""python -m zfnet, and torchrun -m zfnet: the command."""

from zfnet.command import main

if __name__ == "__main__":
    main()
