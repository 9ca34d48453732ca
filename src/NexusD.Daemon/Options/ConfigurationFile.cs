using System.Text.Json;

namespace NexusD.Daemon.Options;

/// <summary>
/// Reads the configuration file: one JSON object whose members are named like the flags, with texts, numbers, true and
/// false, and arrays of texts for lists. Comments and a comma after the last member are allowed.
/// </summary>
internal static class ConfigurationFile
{
    /// <summary>Largest file that is read: far above any sensible one.</summary>
    private const int MaxBytes = 1 << 20;

    private static readonly JsonReaderOptions _syntax =
        new() { CommentHandling = JsonCommentHandling.Skip, AllowTrailingCommas = true, MaxDepth = 4 };

    /// <summary>Reads the file into <paramref name="options"/>, or notes why not.</summary>
    public static void Read(string path, OptionSet options)
    {
        byte[] bytes;
        try
        {
            using FileStream file = File.OpenRead(path);
            if (file.Length > MaxBytes)
            {
                options.AddError($"configuration file {path} is larger than {MaxBytes} bytes; is it the right file?");
                return;
            }

            bytes = new byte[file.Length];
            file.ReadExactly(bytes);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException or NotSupportedException)
        {
            options.AddError($"configuration file {path} cannot be read: {e.Message}");
            return;
        }

        Parse(bytes, path, options);
    }

    /// <summary>Reads the file's content; <paramref name="path"/> is for messages only.</summary>
    public static void Parse(ReadOnlySpan<byte> content, string path, OptionSet options)
    {
        ReadOnlySpan<byte> byteOrderMark = [0xEF, 0xBB, 0xBF];
        content = content.StartsWith(byteOrderMark) ? content[3..] : content;
        var reader = new Utf8JsonReader(content, _syntax);
        try
        {
            reader.Read();
            if (reader.TokenType != JsonTokenType.StartObject)
            {
                options.AddError(
                    $"configuration file {path} must hold one JSON object: {{ \"cluster\": \"production\" }}.");
                return;
            }

            ReadMembers(ref reader, path, options);
            reader.Read();
        }
        catch (JsonException e)
        {
            options.AddError(
                $"configuration file {path}, line {(e.LineNumber ?? 0) + 1}: this is not JSON ({e.Message})");
        }
    }

    private static void ReadMembers(ref Utf8JsonReader reader, string path, OptionSet options)
    {
        var seen = new HashSet<OptionDefinition>();
        while (reader.Read() && reader.TokenType == JsonTokenType.PropertyName)
        {
            string name = reader.GetString()!;
            reader.Read();
            string? text = ReadValue(ref reader);
            string origin = $"file {path}: {name}";
            OptionDefinition? option = OptionTable.Find(name, out string unit);
            if (option is null or { Group: OptionGroup.Command })
            {
                var names = OptionTable.All.Where(o => o.Group != OptionGroup.Command).Select(o => o.Name);
                string hint = Spelling.Nearest(name, names) is { } near ? $" Did you mean '{near}'?" : string.Empty;
                options.AddError($"{origin} is not an option of the file.{hint}");
            }
            else if (text is null)
            {
                options.AddError(
                    $"{origin} must be a text, a number, true, false or an array of texts; valid is {option.Valid}.");
            }
            else if (!seen.Add(option))
            {
                options.AddError($"{origin} stands twice (also under another name?); keep one.");
            }
            else
            {
                options.Set(option, text, unit, OptionSource.File, origin);
            }
        }
    }

    /// <summary>The value as a flag would have it, or null when it has no such form.</summary>
    private static string? ReadValue(ref Utf8JsonReader reader)
    {
        switch (reader.TokenType)
        {
            case JsonTokenType.String:
                return reader.GetString();
            case JsonTokenType.Number:
                return System.Text.Encoding.ASCII.GetString(reader.ValueSpan);
            case JsonTokenType.True:
                return "true";
            case JsonTokenType.False:
                return "false";
            case JsonTokenType.StartArray:
                return ReadArray(ref reader);
            default:
                reader.Skip();
                return null;
        }
    }

    private static string? ReadArray(ref Utf8JsonReader reader)
    {
        var parts = new List<string>();
        bool valid = true;
        while (reader.Read() && reader.TokenType != JsonTokenType.EndArray)
        {
            string? part = reader.TokenType == JsonTokenType.String ? reader.GetString() : null;
            if (part is null || part.Contains(',', StringComparison.Ordinal))
            {
                reader.Skip();
                valid = false;
            }
            else
            {
                parts.Add(part);
            }
        }

        return valid ? string.Join(',', parts) : null;
    }
}
