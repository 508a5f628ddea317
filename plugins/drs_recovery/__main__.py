"""``python -m drs_recovery``."""

import sys

from drs_recovery.cli import main

sys.exit(main())
