# cmake -DINPUT=openapi.json -DFUNCTION=OpenApiJson -DOUTPUT=openapi_json.cc -P embed.cmake: a source with a function of
# rest_api.h that returns the document.
cmake_path(GET INPUT FILENAME name)
file(READ "${INPUT}" text)
file(WRITE "${OUTPUT}" "// Generated from ${name}.
#include \"controller/rest/rest_api.h\"

namespace broadside {

std::string_view ${FUNCTION}() {
  return R\"document(${text})document\";
}

}  // namespace broadside
")
