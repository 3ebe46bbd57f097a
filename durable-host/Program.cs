// Runs the Durable Functions extension in a process of its own, as the Functions host runs it for a Python app.
//
// The extension, its gRPC endpoint and the Azure Storage provider are Microsoft's. This program replaces only the script
// host: it reads the section of host.json, declares each function that the Python worker indexed, and forwards each
// invocation to the bridge. README.md describes the arguments, the ready line and the bridge.
using System.Text.Json;
using DurableHost;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.Azure.WebJobs;
using Microsoft.Azure.WebJobs.Extensions.DurableTask;
using Microsoft.Azure.WebJobs.Host.Config;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;

var options = new ConfigurationBuilder().AddCommandLine(args).Build();
string Required(string name) => options[name] ?? throw new ArgumentException($"--{name} is missing");

var port = int.Parse(options["port"] ?? "0");
if (port == 0)
{
    using var probe = new System.Net.Sockets.TcpListener(System.Net.IPAddress.Loopback, 0);
    probe.Start();
    port = ((System.Net.IPEndPoint)probe.LocalEndpoint).Port;
}
var webHook = new Uri($"http://127.0.0.1:{port}/runtime/webhooks/durabletask?code=local-durabletask-extension-key");

var hostJson = JsonDocument.Parse(File.ReadAllText(Required("host-json"))).RootElement;
var section = JsonSerializer.Serialize(new { AzureWebJobs = new { extensions = hostJson.GetProperty("extensions") } });
Bridge.Address = new Uri(Required("bridge"));
var functions = FunctionTypes.Emit(JsonDocument.Parse(File.ReadAllText(Required("functions"))).RootElement);

var host = new HostBuilder()
    .UseConsoleLifetime(console => console.SuppressStatusMessages = true)
    .ConfigureAppConfiguration(configuration => configuration
        .AddEnvironmentVariables()
        .AddJsonStream(new MemoryStream(System.Text.Encoding.UTF8.GetBytes(section))))
    .ConfigureWebJobs(builder =>
    {
        builder.AddDurableTask();
        builder.Services.AddSingleton<ITypeLocator>(new FixedTypeLocator(functions, typeof(HostFunctions)));
        builder.Services.AddSingleton<IWebHookProvider>(new FixedWebHookProvider(webHook));
    })
    .ConfigureLogging((context, logging) =>
    {
        logging.SetMinimumLevel(LogLevel.Information);
        logging.AddFilter("Azure.Core", LogLevel.Warning);
        logging.AddFilter("DurableTask", Enum.Parse<LogLevel>(options["durable-log"] ?? "Warning"));
        logging.AddConsole(console => console.LogToStandardErrorThreshold = LogLevel.Trace);
    })
    .Build();
await host.StartAsync();
var jobs = (JobHost)host.Services.GetRequiredService<IJobHost>();
await jobs.CallAsync(typeof(HostFunctions).GetMethod(nameof(HostFunctions.ClientJson))!);

// Durable Functions Monitor and curl call the management API: status, terminate, restart, rewind, purge.
var extension = host.Services.GetServices<IExtensionConfigProvider>().OfType<DurableTaskExtension>().Single();
var management = (IAsyncConverter<HttpRequestMessage, HttpResponseMessage>)extension;
var web = WebApplication.CreateSlimBuilder();
web.Logging.ClearProviders();
var site = web.Build();
site.Urls.Add($"http://127.0.0.1:{port}");
site.Map("/runtime/webhooks/durabletask/{**rest}", (HttpContext http) => ManagementApi.AnswerAsync(management, http));
await site.StartAsync();

var version = typeof(DurableTaskExtension).Assembly.GetName().Version;
Console.WriteLine(JsonSerializer.Serialize(new { extension = version?.ToString(3), client = HostFunctions.Client, management = webHook.ToString() }));
_ = Task.Run(() =>
{
    while (Console.In.Read() >= 0) { }
    host.Services.GetRequiredService<IHostApplicationLifetime>().StopApplication();
});
await host.WaitForShutdownAsync();
await site.StopAsync();
