namespace NexusD.Quic.MsQuic;

/// <summary>
/// Bytes that may still be told to the user. Readers on any thread take from it and wait when it is empty; the loop
/// gives back what the user consumed.
/// </summary>
internal sealed class ReceiveCredit(int window)
{
    private readonly Lock _lock = new();
    private int _left = window;
    private TaskCompletionSource? _waiting;
    private bool _closed;

    /// <summary>Takes at least 1 and at most <paramref name="most"/> bytes of credit.</summary>
    /// <exception cref="OperationCanceledException">There will be no more.</exception>
    public async ValueTask<int> TakeAsync(int most)
    {
        while (true)
        {
            Task wait;
            lock (_lock)
            {
                if (_closed)
                {
                    throw new OperationCanceledException("The stream is no longer read.");
                }

                if (_left > 0)
                {
                    int taken = Math.Min(_left, most);
                    _left -= taken;
                    return taken;
                }

                _waiting ??= new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
                wait = _waiting.Task;
            }

            await wait.ConfigureAwait(false);
        }
    }

    /// <summary>Gives credit back.</summary>
    public void Return(int bytes) => Change(bytes, close: false);

    /// <summary>Nobody is to wait any more.</summary>
    public void Close() => Change(0, close: true);

    private void Change(int bytes, bool close)
    {
        TaskCompletionSource? waiting;
        lock (_lock)
        {
            _left += bytes;
            _closed |= close;
            waiting = _waiting;
            _waiting = null;
        }

        waiting?.SetResult();
    }
}
