from . import clv as clv
from . import cohort as cohort
from . import events as events
from . import lifecycle as lifecycle
from . import segment as segment
from . import simulate as simulate
from . import special as special
from . import survival as survival
