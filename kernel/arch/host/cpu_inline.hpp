// Nothing of arch/cpu.hpp is inline here: machine.cpp has it all.
#pragma once
