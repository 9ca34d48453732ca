using System.Globalization;
using System.Text;
using System.Text.Json.Nodes;

namespace NexusD.Protocol.Tests.Vectors;

/// <summary>Between values of the wire and values of the vectors: u64 as decimal text, bytes as hex.</summary>
internal static class Json
{
    internal static JsonNode Number(ulong value) => value.ToString(CultureInfo.InvariantCulture);

    internal static JsonNode Text(ReadOnlySpan<byte> utf8) => Encoding.UTF8.GetString(utf8);

    internal static JsonNode Hex(ReadOnlySpan<byte> bytes) => Convert.ToHexStringLower(bytes);

    internal static ulong U64(this JsonObject fields, string name) =>
        ulong.Parse(fields[name]!.GetValue<string>(), CultureInfo.InvariantCulture);

    internal static uint U32(this JsonObject fields, string name) => fields[name]!.GetValue<uint>();

    internal static bool Flag(this JsonObject fields, string name) => fields[name]!.GetValue<bool>();

    internal static string Name(this JsonObject fields, string name) => fields[name]!.GetValue<string>();

    internal static byte[] Utf8(this JsonObject fields, string name) => Encoding.UTF8.GetBytes(fields.Name(name));

    internal static byte[] Bytes(this JsonObject fields, string name) => Convert.FromHexString(fields.Name(name));

    internal static ErrorCode Code(string name) => name.StartsWith("error_", StringComparison.Ordinal)
        ? (ErrorCode)ushort.Parse(name["error_".Length..], CultureInfo.InvariantCulture)
        : Enum.GetValues<ErrorCode>().Single(code => code.ToWireName() == name);

    internal static DropReason Reason(string name) => name.StartsWith("reason_", StringComparison.Ordinal)
        ? (DropReason)ushort.Parse(name["reason_".Length..], CultureInfo.InvariantCulture)
        : Enum.GetValues<DropReason>().Single(reason => reason.ToWireName() == name);

    internal static JsonNode Lower<T>(T value)
        where T : struct, Enum => value.ToString().ToLowerInvariant();

    internal static T Parse<T>(string name)
        where T : struct, Enum => Enum.Parse<T>(name, ignoreCase: true);
}
