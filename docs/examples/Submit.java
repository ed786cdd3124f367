import java.io.ByteArrayInputStream;
import java.io.StringWriter;
import java.math.BigInteger;
import java.net.URI;
import java.net.URLEncoder;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.KeyFactory;
import java.security.MessageDigest;
import java.security.PrivateKey;
import java.security.cert.CertificateFactory;
import java.security.cert.X509Certificate;
import java.security.spec.PKCS8EncodedKeySpec;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Base64;
import java.util.HexFormat;
import java.util.List;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import javax.xml.crypto.XMLStructure;
import javax.xml.crypto.dsig.CanonicalizationMethod;
import javax.xml.crypto.dsig.DigestMethod;
import javax.xml.crypto.dsig.Reference;
import javax.xml.crypto.dsig.SignedInfo;
import javax.xml.crypto.dsig.Transform;
import javax.xml.crypto.dsig.XMLSignature;
import javax.xml.crypto.dsig.XMLSignatureFactory;
import javax.xml.crypto.dsig.dom.DOMSignContext;
import javax.xml.crypto.dsig.keyinfo.KeyInfo;
import javax.xml.crypto.dsig.keyinfo.KeyInfoFactory;
import javax.xml.crypto.dsig.spec.C14NMethodParameterSpec;
import javax.xml.crypto.dsig.spec.TransformParameterSpec;
import javax.xml.parsers.DocumentBuilderFactory;
import javax.xml.transform.TransformerFactory;
import javax.xml.transform.dom.DOMSource;
import javax.xml.transform.stream.StreamResult;
import org.w3c.dom.Document;
import org.w3c.dom.Element;
import org.w3c.dom.Node;

/**
 * Signs a CEB message, hands it in once however often it takes, and prints the receipts that follow.
 * Nothing but the JDK (17 or newer):
 *
 *   HUB_API_KEY=… java Submit.java http://127.0.0.1:8080 key.pem certificate.pem order.xml [seconds]
 *
 * key.pem is PKCS 8 (RSA, not encrypted), certificate.pem X.509.
 */
public class Submit {
    private static final HttpClient HTTP = HttpClient.newBuilder().connectTimeout(Duration.ofSeconds(10)).build();

    public static void main(String[] args) throws Exception {
        // Without this the JDK breaks lines with carriage returns, which XML writes as &#13;.
        System.setProperty("com.sun.org.apache.xml.internal.security.ignoreLineBreaks", "true");
        String url = args[0], apiKey = System.getenv("HUB_API_KEY");
        byte[] signed = sign(Files.readAllBytes(Path.of(args[3])), privateKey(Path.of(args[1])), certificate(Path.of(args[2])));

        HttpResponse<String> answer = submit(url, apiKey, signed);
        System.out.println(answer.statusCode() + " " + answer.body());
        if (answer.statusCode() != 202) {
            System.exit(1);
        }
        if (args.length > 4) {
            follow(url, apiKey, field(answer.body(), "submission"), Long.parseLong(args[4]));
        }
    }

    /** One enveloped signature over the whole document: last in the root, in export messages before ExtendMessage. */
    static byte[] sign(byte[] message, PrivateKey key, X509Certificate certificate) throws Exception {
        DocumentBuilderFactory builders = DocumentBuilderFactory.newInstance();
        builders.setNamespaceAware(true);
        builders.setFeature("http://apache.org/xml/features/disallow-doctype-decl", true);
        Document document = builders.newDocumentBuilder().parse(new ByteArrayInputStream(message));
        Element root = document.getDocumentElement();

        XMLSignatureFactory factory = XMLSignatureFactory.getInstance("DOM");
        Reference reference = factory.newReference(
                "",
                factory.newDigestMethod(DigestMethod.SHA256, null),
                List.of(factory.newTransform(Transform.ENVELOPED, (TransformParameterSpec) null)),
                null, null);
        SignedInfo info = factory.newSignedInfo(
                factory.newCanonicalizationMethod(CanonicalizationMethod.INCLUSIVE, (C14NMethodParameterSpec) null),
                factory.newSignatureMethod("http://www.w3.org/2001/04/xmldsig-more#rsa-sha256", null),
                List.of(reference));
        KeyInfoFactory keys = factory.getKeyInfoFactory();
        List<XMLStructure> said = new ArrayList<>();
        said.add(keys.newKeyName(serial(certificate.getSerialNumber())));
        said.add(keys.newX509Data(List.of(certificate)));
        KeyInfo keyInfo = keys.newKeyInfo(said);

        Node last = root.getLastChild();
        while (last != null && last.getNodeType() != Node.ELEMENT_NODE) {
            last = last.getPreviousSibling();
        }
        boolean extended = last != null && "ExtendMessage".equals(last.getLocalName()) && root.getLocalName().matches(
                "CEB(213|215|303|403|505|507|509|603|605|607|701)Message");
        DOMSignContext context = extended ? new DOMSignContext(key, root, last) : new DOMSignContext(key, root);
        context.setDefaultNamespacePrefix("ds");
        XMLSignature signature = factory.newXMLSignature(info, keyInfo);
        signature.sign(context);

        StringWriter text = new StringWriter();
        TransformerFactory.newInstance().newTransformer().transform(new DOMSource(document), new StreamResult(text));
        return text.toString().getBytes(StandardCharsets.UTF_8);
    }

    /** 202 is final, and so is every refusal; for what is in between the same bytes go again under the same key. */
    static HttpResponse<String> submit(String url, String apiKey, byte[] body) throws Exception {
        String key = HexFormat.of().formatHex(MessageDigest.getInstance("SHA-256").digest(body));
        HttpRequest request = HttpRequest.newBuilder(URI.create(url + "/v1/messages"))
                .header("Authorization", "Bearer " + apiKey)
                .header("Content-Type", "application/xml")
                .header("Idempotency-Key", key)
                .timeout(Duration.ofSeconds(60))
                .POST(HttpRequest.BodyPublishers.ofByteArray(body))
                .build();
        for (int attempt = 1; ; attempt++) {
            long wait = Math.min(10_000L, 200L << Math.min(attempt, 6));
            try {
                HttpResponse<String> answer = HTTP.send(request, HttpResponse.BodyHandlers.ofString());
                if (!List.of(409, 429, 503).contains(answer.statusCode()) || attempt == 10) {
                    return answer;
                }
                wait = Math.max(wait, 1000L * Long.parseLong(answer.headers().firstValue("Retry-After").orElse("0")));
            } catch (java.io.IOException error) {
                if (attempt == 10) {
                    throw error;
                }
            }
            Thread.sleep(wait);
        }
    }

    /** Prints the submission's receipts for some seconds; the cursor of the last answer is where the next one begins. */
    static void follow(String url, String apiKey, String submission, long seconds) throws Exception {
        long end = System.nanoTime() + seconds * 1_000_000_000L;
        String after = "";
        while (System.nanoTime() < end) {
            HttpRequest request = HttpRequest.newBuilder(
                    URI.create(url + "/v1/receipts?limit=100&after=" + URLEncoder.encode(after, StandardCharsets.UTF_8)))
                    .header("Authorization", "Bearer " + apiKey).build();
            HttpResponse<String> answer = HTTP.send(request, HttpResponse.BodyHandlers.ofString());
            if (answer.statusCode() == 200) {
                // A JSON library would be in its place here; the JDK has none.
                Matcher items = Pattern.compile("\\{\"id\".*?\"numbers\":\\{[^}]*}[^}]*}").matcher(answer.body());
                while (items.find()) {
                    if (submission.equals(field(items.group(), "submission"))) {
                        System.out.println(field(items.group(), "message") + " " + field(items.group(), "code"));
                    }
                }
                after = last(answer.body(), "after");
            }
            Thread.sleep(500);
        }
    }

    static String field(String json, String name) {
        Matcher found = Pattern.compile("\"" + name + "\":\\s*\"([^\"]*)\"").matcher(json);
        return found.find() ? found.group(1) : "";
    }

    static String last(String json, String name) {
        String found = "";
        for (Matcher at = Pattern.compile("\"" + name + "\":\\s*\"([^\"]*)\"").matcher(json); at.find(); ) {
            found = at.group(1);
        }
        return found;
    }

    /** As certificates show it: hexadecimal, an even number of digits. */
    static String serial(BigInteger number) {
        String text = number.toString(16);
        return text.length() % 2 == 0 ? text : "0" + text;
    }

    static PrivateKey privateKey(Path file) throws Exception {
        String body = Files.readString(file).replaceAll("-----[^-]+-----", "").replaceAll("\\s", "");
        return KeyFactory.getInstance("RSA").generatePrivate(new PKCS8EncodedKeySpec(Base64.getDecoder().decode(body)));
    }

    static X509Certificate certificate(Path file) throws Exception {
        return (X509Certificate) CertificateFactory.getInstance("X.509")
                .generateCertificate(new ByteArrayInputStream(Files.readAllBytes(file)));
    }
}
