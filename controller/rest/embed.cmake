# cmake -DINPUT=openapi.json -DOUTPUT=openapi_json.cc -P embed.cmake: a source that holds the document.
file(READ "${INPUT}" text)
file(WRITE "${OUTPUT}" "// Generated from openapi.json.
#include \"controller/rest/rest_api.h\"

namespace broadside {

std::string_view OpenApiJson() {
  return R\"openapi(${text})openapi\";
}

}  // namespace broadside
")
