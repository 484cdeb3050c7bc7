#include "CMailSystem.h"
