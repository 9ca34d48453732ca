using System.Text;
using NexusD.Protocol;
using NexusD.Protocol.App;
using NexusD.Protocol.Frames;
using NexusdClient;

namespace NexusdBench.Gate;

/// <summary>
/// Writes PUBLISH frames into 64 KiB and sends them when they are full. Consecutive events of a topic share a frame.
/// </summary>
internal sealed class LeanSender : GateSender
{
    private const int SendBytes = 64 * 1024;

    private readonly LeanConnection _connection;
    private readonly byte[][] _names;
    private readonly int[] _holders; // by alias: the topic it was declared for, plus 1
    private readonly byte[] _out;
    private int _end;
    private int _runStart;
    private int _runTopic = -1;
    private int _runLimit; // where in the buffer the run must end

    internal LeanSender(string url, string[] topics, int payloadBytes)
    {
        _connection = new LeanConnection(url, ProtocolLimits.MinMaxFrameBytes);
        _names = [.. topics.Select(Encoding.UTF8.GetBytes)];
        _holders = new int[Math.Min(_connection.MaxAliases, topics.Length)];
        if (_holders.Length == 0)
        {
            throw new NexusdException("The daemon takes no topic aliases; the lean client needs one at least.");
        }

        var most = TopicFrame.HeaderBytes + ProtocolLimits.MaxTopicBytes + PublishFrame.HeaderBytes
            + EventRunBody.SizeFieldBytes + payloadBytes;
        _out = GC.AllocateUninitializedArray<byte>(Math.Max(SendBytes, most), pinned: true);
    }

    internal override void Send(int topic, ReadOnlySpan<byte> payload)
    {
        var bytes = EventRunBody.SizeFieldBytes + payload.Length;
        if (topic != _runTopic || _end + bytes > _runLimit)
        {
            StartRun(topic, bytes);
        }

        _end += EventRunBody.Write(_out.AsSpan(_end), payload);
    }

    internal override void Flush()
    {
        EndRun();
        if (_end > 0)
        {
            _connection.SendAll(_out, _end);
            _end = 0;
        }
    }

    public override void Dispose() => _connection.Dispose();

    private void StartRun(int topic, int bytes)
    {
        EndRun();
        var slot = topic < _holders.Length ? topic : topic % _holders.Length;
        var isDeclared = _holders[slot] == topic + 1;
        var frames = PublishFrame.HeaderBytes + bytes
            + (isDeclared ? 0 : TopicFrame.HeaderBytes + _names[topic].Length);
        if (_end + frames > _out.Length)
        {
            Flush();
        }

        if (!isDeclared)
        {
            _end += new TopicFrame((uint)slot + 1, _names[topic]).Write(_out.AsSpan(_end));
            _holders[slot] = topic + 1;
        }

        _runStart = _end;
        _runTopic = topic;
        _runLimit = Math.Min(_out.Length, _runStart + ProtocolLimits.MaxRunFrameBytes);
        _end += PublishFrame.HeaderBytes;
    }

    private void EndRun()
    {
        if (_runTopic < 0)
        {
            return;
        }

        var alias = (uint)((_runTopic < _holders.Length ? _runTopic : _runTopic % _holders.Length) + 1);
        PublishFrame.WriteHeader(_out.AsSpan(_runStart), _end - _runStart, RunFlags.None, 0, alias);
        _runTopic = -1;
    }
}
