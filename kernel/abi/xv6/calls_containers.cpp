// Containers, as xv6 programs know them.
#include "abi/context.hpp"
#include "abi/xv6/handlers.hpp"

namespace cv6::xv6_abi {

Result<long> sys_cid(Context& context) { return context.container.id(); }

}  // namespace cv6::xv6_abi
