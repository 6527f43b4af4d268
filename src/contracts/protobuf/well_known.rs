//! The files that every compiler brings along, so that trees seldom hold them: what they declare, by name.
//!
//! <https://protobuf.dev/reference/protobuf/google.protobuf/>.

use super::link::Kind;

/// Path below `google/protobuf/`, messages, enums.
const FILES: [(&str, &str, &str); 14] = [
    ("google/protobuf/any.proto", "Any", ""),
    ("google/protobuf/api.proto", "Api Method Mixin", ""),
    (
        "google/protobuf/compiler/plugin.proto",
        "compiler.Version compiler.CodeGeneratorRequest compiler.CodeGeneratorResponse compiler.CodeGeneratorResponse.File",
        "compiler.CodeGeneratorResponse.Feature",
    ),
    ("google/protobuf/cpp_features.proto", "", ""),
    (
        "google/protobuf/descriptor.proto",
        "FileDescriptorSet FileDescriptorProto DescriptorProto DescriptorProto.ExtensionRange DescriptorProto.ReservedRange ExtensionRangeOptions ExtensionRangeOptions.Declaration FieldDescriptorProto OneofDescriptorProto EnumDescriptorProto EnumDescriptorProto.EnumReservedRange EnumValueDescriptorProto ServiceDescriptorProto MethodDescriptorProto FileOptions MessageOptions FieldOptions FieldOptions.EditionDefault FieldOptions.FeatureSupport OneofOptions EnumOptions EnumValueOptions ServiceOptions MethodOptions UninterpretedOption UninterpretedOption.NamePart FeatureSet FeatureSet.VisibilityFeature FeatureSetDefaults FeatureSetDefaults.FeatureSetEditionDefault SourceCodeInfo SourceCodeInfo.Location GeneratedCodeInfo GeneratedCodeInfo.Annotation",
        "Edition SymbolVisibility ExtensionRangeOptions.VerificationState FieldDescriptorProto.Type FieldDescriptorProto.Label FileOptions.OptimizeMode FieldOptions.CType FieldOptions.JSType FieldOptions.OptionRetention FieldOptions.OptionTargetType MethodOptions.IdempotencyLevel FeatureSet.FieldPresence FeatureSet.EnumType FeatureSet.RepeatedFieldEncoding FeatureSet.Utf8Validation FeatureSet.MessageEncoding FeatureSet.JsonFormat FeatureSet.EnforceNamingStyle FeatureSet.VisibilityFeature.DefaultSymbolVisibility GeneratedCodeInfo.Annotation.Semantic",
    ),
    ("google/protobuf/duration.proto", "Duration", ""),
    ("google/protobuf/empty.proto", "Empty", ""),
    ("google/protobuf/field_mask.proto", "FieldMask", ""),
    ("google/protobuf/java_features.proto", "", ""),
    ("google/protobuf/source_context.proto", "SourceContext", ""),
    ("google/protobuf/struct.proto", "Struct Value ListValue", "NullValue"),
    ("google/protobuf/timestamp.proto", "Timestamp", ""),
    ("google/protobuf/type.proto", "Type Field Enum EnumValue Option", "Syntax Field.Kind Field.Cardinality"),
    (
        "google/protobuf/wrappers.proto",
        "DoubleValue FloatValue Int64Value UInt64Value Int32Value UInt32Value BoolValue StringValue BytesValue",
        "",
    ),
];

/// The file that declares a name, of those that are imported, and what the name is.
pub(super) fn declaring(full: &str, imports: &[String]) -> Option<(&'static str, Kind)> {
    let name = full.strip_prefix("google.protobuf.")?;
    let files = imports.iter().filter_map(|import| FILES.iter().find(|(file, ..)| file == import));
    files.into_iter().find_map(|(file, messages, enums)| {
        let has = |names: &str| names.split(' ').any(|known| known == name && !known.is_empty());
        match (has(messages), has(enums)) {
            (true, _) => Some((*file, Kind::Message)),
            (_, true) => Some((*file, Kind::Enum)),
            _ => None,
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_lead_to_their_files() {
        let imports = ["google/protobuf/struct.proto".to_string(), "a.proto".into()];
        let kind = |full: &str| declaring(full, &imports).map(|found| found.1);
        assert_eq!(kind("google.protobuf.Struct"), Some(Kind::Message));
        assert_eq!(kind("google.protobuf.NullValue"), Some(Kind::Enum));
        for unknown in ["google.protobuf.", "google.protobuf.Timestamp", "acme.Struct"] {
            assert_eq!(kind(unknown), None, "{unknown} is not imported");
        }
    }
}
