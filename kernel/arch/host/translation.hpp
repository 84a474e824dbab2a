// How the simulated processor translates an address when it uses it: from its cache, else by a walk.
#pragma once

#include "arch/host/simulation.hpp"

namespace cv6::arch::simulation {

// Not present: the access would fault.
PageEntry translate(std::uintptr_t address, bool write);

}  // namespace cv6::arch::simulation
