import com.sun.net.httpserver.HttpExchange;
import com.sun.net.httpserver.HttpServer;
import java.io.IOException;
import java.net.HttpURLConnection;
import java.net.InetSocketAddress;
import java.net.URL;
import java.util.concurrent.Executors;

/** A front that asks its dependency anew for every answer; /safe falls back to the last known one. */
public class Main {
    public static void main(String[] arguments) throws IOException {
        System.setProperty("http.keepAlive", "false");
        HttpServer server = HttpServer.create(new InetSocketAddress("127.0.0.1", 8000), 100);
        server.setExecutor(Executors.newFixedThreadPool(32));
        server.createContext("/", exchange -> answer(exchange, 502));
        server.createContext("/safe", exchange -> answer(exchange, 200));
        server.start();
    }

    static void answer(HttpExchange exchange, int otherwise) throws IOException {
        int status = otherwise;
        try {
            HttpURLConnection asked = (HttpURLConnection) new URL("http://127.0.0.1:9000/").openConnection();
            asked.setConnectTimeout(300);
            asked.setReadTimeout(300);
            status = asked.getResponseCode() == 200 ? 200 : otherwise;
        } catch (IOException away) {
            // `otherwise` it is
        }
        exchange.sendResponseHeaders(status, -1);
        exchange.close();
    }
}
