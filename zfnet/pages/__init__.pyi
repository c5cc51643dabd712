from .html import (
    POLICY as POLICY,
    base_style as base_style,
    component as component,
    copy_static as copy_static,
    environment as environment,
)
from .script import as_script as as_script, plain as plain
