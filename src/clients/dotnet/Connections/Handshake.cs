using System.Globalization;
using System.Net.Sockets;
using System.Text;
using NexusD.Protocol;
using NexusD.Protocol.App;
using NexusD.Protocol.Frames;
using NexusD.Protocol.Greetings;
using NexusdClient.Publishing;

namespace NexusdClient.Connections;

/// <summary>Greeting and HELLO on a fresh connection, up to WELCOME (docs/protocol/app-v1.md).</summary>
internal static class Handshake
{
    private static readonly byte[] Library = Encoding.UTF8.GetBytes(
        $"csharp/{typeof(Handshake).Assembly.GetName().Version?.ToString(3) ?? "0"}");

    /// <summary>Blocks until the daemon welcomed the client.</summary>
    /// <exception cref="ConnectionException">It did not; the text says why and what to do.</exception>
    internal static (SessionLimits Limits, DaemonInfo Daemon) Run(
        DaemonSocket socket,
        ReceiveBuffer buffer,
        ServerAddress address,
        ClientOptions options,
        ulong publisher,
        ulong next)
    {
        buffer.Clear();
        if (!socket.SendAll(Opening(options, publisher, next)))
        {
            // What the other side said before it closed is worth more than that it closed.
            buffer.Fill(socket, out _);
            throw Refused(address, buffer.Bytes);
        }

        var version = ReadGreeting(socket, buffer, address);
        var frame = ReadFrame(socket, buffer, address, out var header);
        if (header.Kind == FrameKind.Error && ErrorFrame.TryRead(frame, out var error) == ErrorCode.None)
        {
            throw FromError(address, error.Code, error.Text);
        }

        if (version != ProtocolLimits.Version)
        {
            throw FromError(address, ErrorCode.UnsupportedVersion, default);
        }

        if (header.Kind != FrameKind.Welcome || WelcomeFrame.TryRead(frame, out var welcome) != ErrorCode.None)
        {
            throw new ConnectionException(
                ErrorCode.Malformed,
                $"nexusd at {address} did not answer with WELCOME; is it an incompatible version?");
        }

        return (
            new SessionLimits(
                welcome.PublisherId, welcome.NextNumber, welcome.MaxAliases, welcome.MaxFrame, welcome.MaxPayload,
                welcome.IdleTimeoutMs),
            new DaemonInfo(
                welcome.NodeId.ToString(),
                Encoding.UTF8.GetString(welcome.NodeName),
                Encoding.UTF8.GetString(welcome.Cluster),
                Encoding.UTF8.GetString(welcome.DaemonVersion),
                (int)Math.Min(welcome.MaxPayload, int.MaxValue),
                welcome.PublisherId));
    }

    /// <summary>What an ERROR that ends the connection means to the application.</summary>
    internal static ConnectionException FromError(ServerAddress address, ErrorCode code, ReadOnlySpan<byte> text)
    {
        var said = text.IsEmpty ? code.ToWireName() : Encoding.UTF8.GetString(text);
        var permanent = code is ErrorCode.UnsupportedVersion or ErrorCode.Unauthenticated or ErrorCode.Forbidden;
        return new ConnectionException($"nexusd at {address} ended the connection: {said}", null, permanent, code);
    }

    private static byte[] Opening(ClientOptions options, ulong publisher, ulong next)
    {
        var hello = new HelloFrame
        {
            ClientName = ClientName(options),
            ClientLibrary = Library,
            PublisherId = publisher,
            NextNumber = next,
            MaxAliases = ProtocolLimits.LargestMaxAliases,
            MaxFrame = ProtocolLimits.LargestFrameBytes,
            Token = options.Token,
        };
        var bytes = new byte[ClientGreeting.Size + hello.FrameBytes];
        new ClientGreeting(ProtocolLimits.Version, ProtocolLimits.Version).Write(bytes);
        hello.Write(bytes.AsSpan(ClientGreeting.Size));
        return bytes;
    }

    private static byte[] ClientName(ClientOptions options)
    {
        var name = options.ClientName
            ?? string.Create(
                CultureInfo.InvariantCulture,
                $"{Path.GetFileName(Environment.ProcessPath) ?? "dotnet"}-{Environment.ProcessId}");
        var utf8 = Encoding.UTF8.GetBytes(name.Replace("\0", string.Empty, StringComparison.Ordinal));
        var length = Math.Min(utf8.Length, ProtocolLimits.MaxClientNameBytes);
        while (length > 0 && length < utf8.Length && (utf8[length] & 0xC0) == 0x80)
        {
            length--;
        }

        return utf8[..length];
    }

    private static byte ReadGreeting(DaemonSocket socket, ReceiveBuffer buffer, ServerAddress address)
    {
        while (buffer.Bytes.Length < DaemonGreeting.Size)
        {
            if (!buffer.Fill(socket, out var error))
            {
                throw buffer.Bytes.IsEmpty ? Ended(address, error) : Refused(address, buffer.Bytes);
            }
        }

        if (DaemonGreeting.TryRead(buffer.Bytes, out var greeting) != ErrorCode.None)
        {
            throw Refused(address, buffer.Bytes);
        }

        buffer.Skip(DaemonGreeting.Size);
        return greeting.Version;
    }

    private static ReadOnlySpan<byte> ReadFrame(
        DaemonSocket socket, ReceiveBuffer buffer, ServerAddress address, out FrameHeader header)
    {
        while (true)
        {
            var status = buffer.TryCut(out var frame, out header);
            if (status == FrameStatus.Complete)
            {
                return frame;
            }

            if (status != FrameStatus.NeedMore)
            {
                throw Refused(address, buffer.Bytes);
            }

            if (!buffer.Fill(socket, out var error))
            {
                throw Ended(address, error);
            }
        }
    }

    private static ConnectionException Ended(ServerAddress address, SocketError error) => new(
        $"{address} closed the connection during the greeting. Is nexusd listening there, and not another program?",
        error == SocketError.Success ? null : new SocketException((int)error));

    private static ConnectionException Refused(ServerAddress address, ReadOnlySpan<byte> answer)
    {
        if (answer.IsEmpty)
        {
            return Ended(address, SocketError.Success);
        }

        var guess = answer.StartsWith("AMQP"u8) ? "an AMQP broker such as RabbitMQ, which has the same default port"
            : answer.StartsWith("HTTP/"u8) ? "an HTTP server"
            : answer.StartsWith("INFO "u8) ? "a NATS server"
            : answer.StartsWith("SSH-"u8) ? "an SSH server"
            : answer.StartsWith("-ERR"u8) ? "a Redis server"
            : "another program";
        return new ConnectionException(
            $"{address} is {guess}, not nexusd: it answered '{Printable(answer)}'. Check the address "
            + $"(argument or {ServerAddress.Variable}) and nexusd's --app-port.",
            null,
            isPermanent: true,
            ErrorCode.BadGreeting);
    }

    private static string Printable(ReadOnlySpan<byte> bytes)
    {
        var text = new StringBuilder();
        foreach (var b in bytes[..Math.Min(bytes.Length, 40)])
        {
            text.Append(b is >= 0x20 and < 0x7F ? (char)b : '.');
        }

        return text.ToString();
    }
}
