from .html import POLICY as POLICY, component as component, copy_static as copy_static, environment as environment
from .script import as_script as as_script, plain as plain
