from .intervals import Bar as Bar, bar as bar
from .page import (
    LIMIT_BYTES as LIMIT_BYTES,
    ClaimRow as ClaimRow,
    EffectRow as EffectRow,
    Entry as Entry,
    Figure as Figure,
    Report as Report,
    Table as Table,
    write_report as write_report,
)
