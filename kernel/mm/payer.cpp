#include "mm/payer.hpp"

namespace cv6::payer {

constinit PerCpu<GuestMemory*> of_cpu;

}  // namespace cv6::payer
