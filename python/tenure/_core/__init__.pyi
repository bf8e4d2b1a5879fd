from . import clv as clv
from . import events as events
from . import special as special
from . import survival as survival
from tenure._core import survival as survival
