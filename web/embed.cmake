# cmake -DDIST=dir -DNAMES=a;b -DOUTPUT=page_assets_data.cc -P embed.cmake: a source that holds the files, as they are and
# compressed. gzip gets no name and no time, so the same files make the same bytes.
function(bytes_of path result)
  file(READ "${path}" hex HEX)
  string(REGEX REPLACE "([0-9a-f][0-9a-f])" "0x\\1," bytes "${hex}")
  set(${result} "${bytes}" PARENT_SCOPE)
endfunction()

set(types_html "text/html; charset=utf-8")
set(types_css "text/css; charset=utf-8")
set(types_js "text/javascript; charset=utf-8")
set(types_svg "image/svg+xml")

set(arrays "")
set(entries "")
set(number 0)
foreach(name ${NAMES})
  set(path "${DIST}/${name}")
  string(REGEX MATCH "[a-z]+$" extension "${name}")
  if(NOT DEFINED types_${extension})
    message(FATAL_ERROR "${name}: no content type is known for .${extension}")
  endif()
  execute_process(COMMAND gzip -9nc "${path}" OUTPUT_FILE "${OUTPUT}.gz" COMMAND_ERROR_IS_FATAL ANY)
  file(SHA256 "${path}" digest)
  string(SUBSTRING "${digest}" 0 16 digest)
  bytes_of("${path}" plain)
  bytes_of("${OUTPUT}.gz" packed)
  string(APPEND arrays "constexpr unsigned char kPlain${number}[] = {${plain}};\n"
                       "constexpr unsigned char kGzip${number}[] = {${packed}};\n")
  string(APPEND entries "    {\"${name}\", \"${types_${extension}}\", \"${digest}\", Text(kPlain${number}),"
                        " Text(kGzip${number})},\n")
  math(EXPR number "${number} + 1")
endforeach()
file(REMOVE "${OUTPUT}.gz")
file(WRITE "${OUTPUT}" "// Generated from web/dist.
#include \"web/page_assets.h\"

namespace broadside {
namespace {

${arrays}
template <std::size_t size>
std::string_view Text(const unsigned char (&bytes)[size]) {
  return {reinterpret_cast<const char*>(bytes), size};
}

}  // namespace

std::span<const PageAsset> PageAssets() {
  static const PageAsset kAssets[] = {
${entries}  };
  return kAssets;
}

}  // namespace broadside
")
