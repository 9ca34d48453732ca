using Nexusctl.Arguments;
using Nexusctl.Output;
using NexusdClient;

namespace Nexusctl.Commands;

/// <summary>What a command works with.</summary>
internal sealed record CommandContext(
    ParsedCommand Arguments, StandardOutput Output, TextWriter Errors, CancellationToken Interrupted)
{
    /// <summary>Whether somebody watches standard error.</summary>
    internal bool ErrorsAreSeen => ReferenceEquals(Errors, Console.Error) && !Console.IsErrorRedirected;

    internal void Tell(string text) => Errors.WriteLine($"nexusctl: {text}");

    /// <summary>Connects to the daemon that was asked for.</summary>
    /// <exception cref="ConnectionException">It is not there; the text says what to do.</exception>
    internal async Task<Client> ConnectAsync()
    {
        var client = MakeClient();
        try
        {
            await WaitReadyAsync(client);
            return client;
        }
        catch
        {
            await client.DisposeAsync();
            throw;
        }
    }

    private Client MakeClient()
    {
        try
        {
            return new Client(
                Arguments.Get("--addr"),
                new ClientOptions { ClientName = $"nexusctl {Arguments.Command.Name} ({Environment.ProcessId})" });
        }
        catch (ArgumentException e)
        {
            throw new UsageException(e.Message);
        }
    }

    /// <summary>
    /// At a terminal an answer now is worth more than waiting, so the first failure counts unless a time was given.
    /// </summary>
    private async Task WaitReadyAsync(Client client)
    {
        if (Arguments.GetTime("--connect-timeout") is { } timeout)
        {
            await client.WaitReadyAsync(timeout, Interrupted);
            return;
        }

        var failed = new TaskCompletionSource<ConnectionException>(TaskCreationOptions.RunContinuationsAsynchronously);
        client.StateChanged += OnChange;
        var ready = client.WaitReadyAsync(Interrupted);
        var first = await Task.WhenAny(ready, failed.Task);
        client.StateChanged -= OnChange;
        if (first == failed.Task)
        {
            _ = ready.ContinueWith(static t => t.Exception, TaskScheduler.Default);
            throw await failed.Task;
        }

        await ready;

        void OnChange(object? sender, ConnectionStateChange change)
        {
            if (change.Reason is not null)
            {
                failed.TrySetResult(change.Reason);
            }
        }
    }
}
