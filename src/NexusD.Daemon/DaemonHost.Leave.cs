using System.Diagnostics;
using NexusD.Daemon.Logging;
using NexusD.Daemon.Options;

namespace NexusD.Daemon;

/// <summary>
/// How the node leaves: it is no longer ready; apps are told and may go on until they close; then nothing more is taken
/// and the links are flushed until the other nodes, also those that have to be reached again first, have acknowledged
/// everything; all of it within the grace time. What is lost is told to publishers that are still there.
/// </summary>
internal sealed partial class DaemonHost
{
    /// <summary>Part of the grace time that apps may use up; the rest belongs to the links.</summary>
    private const double AppsShare = 0.7;

    private static readonly TimeSpan _look = TimeSpan.FromMilliseconds(10);

    private readonly Stopwatch _leaving = new();
    private bool _appsAreDone;

    /// <summary>Why the node ended itself, or null.</summary>
    public string? FailedBecause { get; private set; }

    private TimeSpan Grace => _options.Get(OptionTable.ShutdownGrace);

    /// <summary>Begins to leave; false when the node is leaving already. Any thread.</summary>
    public bool TryLeave(string why)
    {
        if (!_state.TryLeave())
        {
            return false;
        }

        DaemonLog.Leaving(_log, why);
        _loop.Post(BeginLeaving);
        return true;
    }

    /// <summary>Reads the certificate files again; links made from now on use them. Any thread.</summary>
    public void ReloadCertificates() => _loop.Post(() =>
    {
        try
        {
            if (TlsFiles.Read(_options) is { } credentials)
            {
                Mesh.ReplaceCredentials(credentials);
                string until = credentials.Certificate.NotAfter.ToUniversalTime().ToString("u");
                DaemonLog.CertificatesReloaded(_log, credentials.Certificate.Subject, until);
            }
        }
        catch (StartException e)
        {
            DaemonLog.CertificatesNotReloaded(_log, e.Message);
        }
    });

    private void Fail(string reason)
    {
        FailedBecause = reason;
        _loop.Stop();
    }

    private void BeginLeaving()
    {
        _leaving.Start();
        _ = Task.Run(_discovery.Leave);
        Apps.Leave();
        ContinueLeaving();
    }

    private void ContinueLeaving()
    {
        bool timeIsUp = _leaving.Elapsed >= Grace * AppsShare;
        if (Apps.Statistics.Sessions > 0 && !timeIsUp)
        {
            _leaveTimer.SetAfter(_look);
            return;
        }

        if (_appsAreDone)
        {
            return;
        }

        _appsAreDone = true;
        Apps.HoldPublishes();
        Apps.EndSubscriptions();
        TimeSpan left = Grace - _leaving.Elapsed;
        Mesh.Leave(left > TimeSpan.Zero ? left : TimeSpan.Zero, EndLeaving);
    }

    private void EndLeaving()
    {
        Apps.TellLastLosses();
        Apps.Dispose();
        if (_leaving.Elapsed > Grace)
        {
            DaemonLog.GraceEnded(_log, Grace.TotalSeconds);
        }

        DaemonLog.Left(_log, _leaving.ElapsedMilliseconds);
        _loop.Stop();
    }
}
