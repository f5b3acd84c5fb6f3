"""Run where cyclonedx-python-lib is: says what is wrong with a bill of materials by CycloneDX's own schema."""

import sys
from pathlib import Path

from cyclonedx.schema import SchemaVersion
from cyclonedx.validation.json import JsonStrictValidator

fault = JsonStrictValidator(SchemaVersion.V1_6).validate_str(Path(sys.argv[1]).read_text())
sys.exit(str(fault) if fault else 0)
