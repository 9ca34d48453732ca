using System.Security.Cryptography;
using System.Text;
using System.Text.Json.Nodes;
using NexusD.Protocol.Beacon;
using NexusD.Protocol.Greetings;
using NexusD.Protocol.Topics;

namespace NexusD.Protocol.Tests.Vectors;

/// <summary>Runs each record of app-v1.json, peer-v1.json and beacon.json: decode, encode, cut at every byte.</summary>
public sealed class VectorTests
{
    private static readonly Dictionary<string, JsonObject> _app = VectorFile.LoadList("app-v1.json", "vectors");
    private static readonly Dictionary<string, JsonObject> _peer = VectorFile.LoadList("peer-v1.json", "vectors");
    private static readonly Dictionary<string, JsonObject> _beacon = VectorFile.LoadList("beacon.json", "vectors");

    public static TheoryData<string> App => VectorFile.Ids("app-v1.json");

    public static TheoryData<string> Peer => VectorFile.Ids("peer-v1.json");

    public static TheoryData<string> Beacons => VectorFile.Ids("beacon.json");

    [Theory]
    [MemberData(nameof(App))]
    public void AppRecord(string id) => Run(_app[id], AppCodecs.All);

    [Theory]
    [MemberData(nameof(Peer))]
    public void PeerRecord(string id) => Run(_peer[id], PeerCodecs.All);

    [Theory]
    [MemberData(nameof(Beacons))]
    public void BeaconRecord(string id) => Run(_beacon[id], BeaconCodecs.All);

    [Fact]
    public void EveryKindHasValidAndInvalidRecords()
    {
        (Dictionary<string, JsonObject> Records, Dictionary<string, VectorCodec> Codecs)[] files =
            [(_app, AppCodecs.All), (_peer, PeerCodecs.All), (_beacon, BeaconCodecs.All)];
        string[] neverInvalid =
            ["client_greeting", "greeting_detection", "bye", "interest_request", "retained_request"];
        foreach ((Dictionary<string, JsonObject> records, Dictionary<string, VectorCodec> codecs) in files)
        {
            foreach (string kind in codecs.Keys)
            {
                JsonObject[] ofKind = [.. records.Values.Where(record => record.Name("kind") == kind)];
                Assert.Contains(ofKind, record => record.ContainsKey("fields"));
                Assert.True(neverInvalid.Contains(kind) || ofKind.Any(record => record.ContainsKey("error")), kind);
            }
        }
    }

    [Fact]
    public void BeaconAuthenticatorCoversAllBytesBeforeIt()
    {
        JsonObject record = _beacon["authenticated"];
        ErrorCode error = BeaconDatagram.TryRead(VectorFile.Bytes(record["hex"]!), out BeaconDatagram beacon);
        Assert.Equal(ErrorCode.None, error);
        byte[] expected = HMACSHA256.HashData(record.Bytes("secret_hex"), beacon.AuthenticatedBytes);
        Assert.Equal(expected, beacon.Authenticator.ToArray());
    }

    [Fact]
    public void DigestsAreThoseOfWhatTheyWereMadeOf()
    {
        JsonObject interest = _peer["interest-state"]["fields"]!.AsObject();
        ulong digest = interest["digest_of_filters"]!.AsArray()
            .Aggregate(0UL, (sum, filter) => sum ^ TopicFilter.Parse(filter!.GetValue<string>()).Hash);
        Assert.Equal(interest.U64("digest"), digest);

        JsonObject retained = _peer["retained-state"]["fields"]!.AsObject();
        digest = retained["digest_of_entries"]!.AsArray().Select(entry => entry!.AsObject()).Aggregate(
            0UL,
            (sum, e) => sum
                ^ Fnv1a64.RetainedEntry(e.Utf8("topic"), e.U64("timestamp"), e.U64("publisher"), e.U64("number")));
        Assert.Equal(retained.U64("digest"), digest);
    }

    [Theory]
    [InlineData(GreetingKind.Amqp, "AMQP")]
    [InlineData(GreetingKind.Http, "HTTP/1.1 400 ")]
    [InlineData(GreetingKind.Tls, "TLS")]
    [InlineData(GreetingKind.Mqtt, "MQTT")]
    [InlineData(GreetingKind.Unknown, "nexusd")]
    public void RefusalIsReadable(GreetingKind kind, string part)
    {
        string text = Encoding.ASCII.GetString(ForeignGreeting.RefusalFor(kind));
        Assert.Contains(part, text, StringComparison.Ordinal);
        Assert.EndsWith("\r\n", text, StringComparison.Ordinal);
        if (kind == GreetingKind.Http)
        {
            string[] parts = text.Split("\r\n\r\n");
            Assert.Contains($"Content-Length: {parts[1].Length}\r\n", parts[0] + "\r\n", StringComparison.Ordinal);
        }
    }

    private static void Run(JsonObject record, Dictionary<string, VectorCodec> codecs)
    {
        byte[] bytes = VectorFile.Bytes(record["hex"]!);
        string kind = record.Name("kind");
        ReaderLimits limits = ReaderLimits.Of(record);
        bool isFrame = kind is not ("frame" or "client_greeting" or "daemon_greeting" or "greeting_detection"
            or "preamble" or "beacon");
        if (isFrame)
        {
            Assert.Equal(FrameStatus.Complete, FrameHeader.TryCut(bytes, limits.MaxFrame, out FrameHeader header));
            Assert.Equal(bytes.Length, header.FrameBytes);
        }

        Decoded decoded = codecs[kind].Decode(bytes, limits);
        if (record.ContainsKey("error"))
        {
            Assert.Equal(record.Name("error"), decoded.Error.ToWireName());
            if (record["event_count"] is JsonNode count)
            {
                Assert.Equal(count.GetValue<int>(), decoded.Fields["event_count"]!.GetValue<int>());
            }
        }
        else
        {
            Assert.Equal(ErrorCode.None, decoded.Error);
            CompareAndEncode(record, codecs[kind], decoded, bytes);
        }

        CutAtEveryByte(bytes, kind, isFrame, limits);
    }

    private static void CompareAndEncode(JsonObject record, VectorCodec codec, Decoded decoded, byte[] bytes)
    {
        JsonObject expected = VectorFile.Unfold(record["fields"])!.AsObject();
        expected.Remove("digest_of_filters");
        expected.Remove("digest_of_entries");
        JsonObject actual = JsonNode.Parse(decoded.Fields.ToJsonString())!.AsObject();
        foreach ((string name, JsonNode? value) in expected)
        {
            string seen = actual[name]?.ToJsonString() ?? "nothing";
            Assert.True(Same(value, actual[name]), $"{name}: expected {value?.ToJsonString()}, read {seen}");
        }

        if (record["decode_only"] is null)
        {
            string[] counts = ["event_count", "filter_count", "entry_count"];
            Assert.Empty(actual.Select(field => field.Key).Except(expected.Select(field => field.Key)).Except(counts));
            byte[] room = new byte[bytes.Length];
            Assert.Equal(bytes.Length, codec.Encode(expected, room));
            Assert.Equal(Convert.ToHexStringLower(bytes), Convert.ToHexStringLower(room));
            if (record.Name("kind") is not ("publish" or "deliver" or "forward"))
            {
                Assert.ThrowsAny<ArgumentException>(() => codec.Encode(expected, new byte[bytes.Length - 1]));
            }
        }
    }

    /// <summary>Members of an object in any order.</summary>
    private static bool Same(JsonNode? left, JsonNode? right) => (left, right) switch
    {
        (JsonArray a, JsonArray b) => a.Count == b.Count && a.Zip(b).All(pair => Same(pair.First, pair.Second)),
        (JsonObject a, JsonObject b) => a.Count == b.Count && a.All(member => Same(member.Value, b[member.Key])),
        _ => left?.ToJsonString() == right?.ToJsonString(),
    };

    private static void CutAtEveryByte(byte[] bytes, string kind, bool isFrame, ReaderLimits limits)
    {
        for (int length = 0; length < bytes.Length; length++)
        {
            ReadOnlySpan<byte> part = bytes.AsSpan(0, length);
            if (isFrame || (kind == "frame" && length < FrameHeader.Size))
            {
                Assert.Equal(FrameStatus.NeedMore, FrameHeader.TryCut(part, limits.MaxFrame, out _));
            }
            else if (kind == "client_greeting")
            {
                Assert.Equal(GreetingKind.NeedMore, ClientGreeting.Detect(part, out _));
            }
            else if (kind is "daemon_greeting" or "preamble" && length < ClientGreeting.Size)
            {
                Assert.Equal(ErrorCode.BadGreeting, DaemonGreeting.TryRead(part, out _));
                Assert.Equal(ErrorCode.BadGreeting, StreamPreamble.TryRead(part, out _));
            }
        }
    }
}
