#pragma once

// The version of this program; the build gives it (CMakeLists.txt, project).

namespace broadside {

inline constexpr char kVersion[] = BROADSIDE_VERSION;

}  // namespace broadside
