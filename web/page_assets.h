#pragma once

// The live page as the build made it: the files of web/dist, each as it is and compressed, embedded
// at build time (web/CMakeLists.txt). Constant data; nothing here fails or allocates.

#include <span>
#include <string_view>

namespace broadside {

struct PageAsset {
  std::string_view name;          // "index.html", "page.js"
  std::string_view content_type;  // "text/html; charset=utf-8"
  std::string_view digest;        // of the content, 16 hexadecimal digits
  std::string_view content;
  std::string_view gzip;  // the same, compressed
};

std::span<const PageAsset> PageAssets();

// nullptr for a name that the page does not have.
const PageAsset* FindPageAsset(std::string_view name);

}  // namespace broadside
